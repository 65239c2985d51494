"""The rules by which differences become verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from experiments.claims.claim import MARGIN, Claim
from experiments.claims.comparison import Comparison
from experiments.claims.statistics import Interval, difference_p, equivalence_p, paired

Verdict = Literal["supported", "contradicted", "inconclusive", "option-dependent", "not tried"]

ALPHA = 0.05
LEVEL = {"superior": 0.95, "on_par": 0.90}


def p_value(claim: Claim, comparison: Comparison) -> float:
    """Of what the interval of the claim's rule shows."""
    sample = paired(comparison.differences)
    if claim.rule == "superior":
        return difference_p(sample)
    return equivalence_p(sample, MARGIN[claim.finetuning])


def verdict_of(claim: Claim, interval: Interval) -> Verdict:
    """What the interval alone says: wholly on one side of the bound or bounds, or across."""
    low, high = interval
    if claim.rule == "superior":
        supported, contradicted = low > 0, high < 0
    else:
        margin = MARGIN[claim.finetuning]
        supported, contradicted = -margin < low and high < margin, low > margin or high < -margin
    if supported:
        return "supported"
    return "contradicted" if contradicted else "inconclusive"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """What the networks tried agree on; inconclusive where they do not."""
    tried: set[Verdict] = {verdict for verdict in verdicts if verdict != "not tried"}
    if not tried:
        return "not tried"
    return tried.pop() if len(tried) == 1 else "inconclusive"
