"""``results/claims.md``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from experiments.claims.claim import Claim, Contender, TestedClaim
from experiments.claims.comparison import Comparison, Untried
from experiments.claims.legend import LEGEND
from experiments.claims.statistics import Interval
from experiments.claims.verdict import AS_STATED, Finding, Judgement

TITLE = "# Claims, tried\n"
AFTERWARDS = "Written after its sweep had been seen: a description, not a prediction.\n\n"
HEADER = (
    *("network", "options", "n", "ratios (left out)", "effect", "interval", "bootstrap"),
    *("p", "p (Holm)", "verdict"),
)


def page(judgements: Sequence[Judgement], tested: Sequence[TestedClaim]) -> str:
    """The whole page, as Markdown."""
    sections = [*map(_section, judgements), *map(_tested_section, tested)]
    return "\n".join([TITLE, LEGEND, *sections, "## Verdicts\n", _verdicts(judgements, tested)])


def _section(judgement: Judgement) -> str:
    claim = judgement.claim
    shown = [f for f in judgement.findings if _is_stated(f) or f.verdict != "not tried"]
    rows = [_row(claim, finding) for finding in shown]
    return (
        f"## {claim.id}\n\n{claim.text}\n\nSource: {claim.source}. Tried: {_tried(claim)}.\n\n"
        f"{'' if claim.preregistered else AFTERWARDS}{_table(HEADER, rows)}\n\n{_hidden(judgement)}"
        f"Verdict: **{judgement.verdict}**{_coverage(judgement)}.\n"
    )


def _is_stated(finding: Finding) -> bool:
    return finding.variant == AS_STATED.name


def _hidden(judgement: Judgement) -> str:
    """One line on the option variants that have no row."""
    untried = [f for f in judgement.findings if f.verdict == "not tried" and not _is_stated(f)]
    counts = Counter(finding.variant for finding in untried)
    parts = [f"{name} on {n} of {len(judgement.claim.networks)}" for name, n in counts.items()]
    return f"Options not tried: {', '.join(parts)} networks.\n\n" if parts else ""


def _tested_section(claim: TestedClaim) -> str:
    return (
        f"## {claim.id}\n\n{claim.text}\n\nSource: {claim.source}."
        f" Not a measurement: `{claim.test}` fails where it does not hold.\n"
    )


def _verdicts(judgements: Sequence[Judgement], tested: Sequence[TestedClaim]) -> str:
    rows = [
        *((j.claim.id, f"{j.verdict}{_coverage(j)}{_afterwards(j.claim)}") for j in judgements),
        *((claim.id, "by test") for claim in tested),
    ]
    return _table(("claim", "verdict"), rows) + "\n"


_STAGE = {
    "before": "before fine-tuning",
    "recalibrated": "with batch norms re-calibrated, before fine-tuning",
    "after": "after fine-tuning",
}


def _tried(claim: Claim) -> str:
    ratios = ", ".join(f"{ratio:g}" for ratio in claim.ratios)
    measure = "top-1" if claim.endpoint == "accuracy" else "output error"
    return (
        f"{_contender(claim.ours)} against {_contender(claim.theirs)}, scope {claim.scope},"
        f" {claim.rule.replace('_', ' ')}, mean {measure} over the ratios {ratios}"
        f" {_STAGE[claim.finetuning]}"
    )


def _contender(contender: Contender) -> str:
    settings = ", ".join(
        f"no {name}" if value is None else f"{name}={value}"
        for name, value in contender.settings.items()
    )
    return f"`{contender.method}`" + (f" ({settings})" if settings else "")


def _coverage(judgement: Judgement) -> str:
    """How many networks the verdict rests on, where that is not all."""
    stated = [finding for finding in judgement.findings if _is_stated(finding)]
    tried = sum(finding.verdict != "not tried" for finding in stated)
    return f" ({tried} of {len(stated)} networks tried)" if 0 < tried < len(stated) else ""


def _afterwards(claim: Claim) -> str:
    return "" if claim.preregistered else " (written afterwards)"


def _row(claim: Claim, finding: Finding) -> tuple[str, ...]:
    place = f"{finding.network.dataset}, {finding.network.arch}"
    comparison = finding.comparison
    if isinstance(comparison, Untried):
        blank = ("–",) * (len(HEADER) - 3)
        return place, finding.variant, *blank, f"not tried: {comparison.reason}"
    differences = comparison.differences
    effect = _signed(claim, float(np.mean(differences))) if differences else "–"
    return (
        place,
        finding.variant,
        f"{len(differences)}{_incomplete(comparison)}",
        f"{comparison.ratios} ({comparison.left_out})",
        effect,
        _interval(claim, finding.interval),
        _interval(claim, finding.bootstrap),
        _p(finding.p),
        _p(finding.adjusted),
        finding.verdict + _better(finding),
    )


def _incomplete(comparison: Comparison) -> str:
    """Marks dense networks that do not count."""
    return f" ({comparison.incomplete} incomplete)" if comparison.incomplete else ""


def _better(finding: Finding) -> str:
    """Marks a method that is not on par since it is better."""
    above = finding.interval is not None and finding.interval[0] > 0
    return " (better)" if finding.verdict == "contradicted" and above else ""


def _signed(claim: Claim, value: float) -> str:
    return f"{value:+.2f}" if claim.endpoint == "accuracy" else f"{value:+.4f}"


def _interval(claim: Claim, interval: Interval | None) -> str:
    return "–" if interval is None else " to ".join(_signed(claim, end) for end in interval)


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    frame = pd.DataFrame([*rows], columns=[*header])
    return str(frame.to_markdown(index=False, tablefmt="github", disable_numparse=True))
