"""A claim tried on the summaries: one finding per network and option variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.claims.claim import Claim, Contender, Network, Variant
from experiments.claims.comparison import Comparison, Untried, compare
from experiments.claims.rules import ALPHA, LEVEL, Verdict, p_value, together, verdict_of
from experiments.claims.statistics import Interval, bootstrap_interval, holm, paired
from experiments.report.statistics import FEW
from experiments.report.summary import SummaryRow
from tropnnc.seeding import derive_rng

AS_STATED = Variant("as stated", {}, {})


@dataclass(frozen=True)
class Finding:
    """What one network says about a claim under one option variant.

    Attributes:
        comparison: the differences, or why there are none.
        interval: by Student's t at the rule's level; None below three dense networks.
        bootstrap: the same by resampling.
        p: uncorrected; ``adjusted``: by Holm over the claim's networks.
    """

    network: Network
    variant: str
    comparison: Comparison | Untried
    verdict: Verdict
    interval: Interval | None = None
    bootstrap: Interval | None = None
    p: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True)
class Judgement:
    """All findings of a claim, and the verdict that they amount to."""

    claim: Claim
    findings: tuple[Finding, ...]
    verdict: Verdict


def judge(claim: Claim, summaries: Mapping[str, Sequence[SummaryRow]]) -> Judgement:
    """Try ``claim`` on the summaries, by experiment; an absent one leaves it untried there."""
    findings = [
        finding
        for variant in (AS_STATED, *claim.variants)
        for finding in _family(claim, variant, summaries)
    ]
    return Judgement(claim, tuple(findings), overall(findings))


def overall(findings: Sequence[Finding]) -> Verdict:
    """One verdict: the networks tried agree, or it is inconclusive.

    Option-dependent where one variant is supported and another one contradicted.
    """
    by_variant: dict[str, Verdict] = {
        variant: together(f.verdict for f in findings if f.variant == variant)
        for variant in dict.fromkeys(finding.variant for finding in findings)
    }
    if {"supported", "contradicted"} <= set(by_variant.values()):
        return "option-dependent"
    return by_variant[AS_STATED.name]


def _family(
    claim: Claim, variant: Variant, summaries: Mapping[str, Sequence[SummaryRow]]
) -> list[Finding]:
    """The findings over which Holm corrects."""
    pair = claim.ours.under(variant.ours), claim.theirs.under(variant.theirs)
    comparisons = [_compare(claim, network, pair, summaries) for network in claim.networks]
    p_values = {
        index: p_value(claim, comparison)
        for index, comparison in enumerate(comparisons)
        if isinstance(comparison, Comparison) and len(comparison.differences) >= FEW
    }
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return [
        _finding(claim, network, variant, comparisons[i], p_values.get(i), adjusted.get(i))
        for i, network in enumerate(claim.networks)
    ]


def _compare(
    claim: Claim,
    network: Network,
    pair: tuple[Contender, Contender],
    summaries: Mapping[str, Sequence[SummaryRow]],
) -> Comparison | Untried:
    if network.experiments[0] not in summaries:
        return Untried(f"no results/summary/{network.experiments[0]}.csv")
    pooled = [row for name in network.experiments for row in summaries.get(name, ())]
    rows = list({row.identity: row for row in pooled}.values())
    return compare(claim, network, pair, rows)


def _finding(
    claim: Claim,
    network: Network,
    variant: Variant,
    comparison: Comparison | Untried,
    p: float | None,
    adjusted: float | None,
) -> Finding:
    if isinstance(comparison, Untried):
        return Finding(network, variant.name, comparison, "not tried")
    if p is None or adjusted is None:
        return Finding(network, variant.name, comparison, "inconclusive")
    level = LEVEL[claim.rule]
    interval = paired(comparison.differences).interval(level)
    rng = derive_rng(0, "claims bootstrap", claim.id, network.dataset, network.arch)
    return Finding(
        network,
        variant.name,
        comparison,
        verdict_of(claim, interval) if adjusted < ALPHA else "inconclusive",
        interval,
        bootstrap_interval(comparison.differences, level, rng),
        p,
        adjusted,
    )
