"""SR-STE better than the plain straight-through estimator, by steadier masks (Zhou et al., 2021).

N:M from the same dense network by the same steps, λ = 2e-4 against 0. Five draws of the training at
least, t interval over draws. Masks: changes over a whole training (SAD) against those of the same
draw with λ = 0, in percent of them; supported where the interval lies below 0 and Holm's p over the
places is below 0.05, contradicted where it lies above, likewise.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.claims.rules import ALPHA
from experiments.claims.statistics import Paired, difference_p, holm, paired
from experiments.frontier.bootstrap import LEVEL
from experiments.relatives.contrasts import Contrast
from experiments.relatives.rows import Row
from experiments.report.statistics import FEW, grouped
from experiments.track.verdicts import Verdict, verdict

EXPERIMENT = "relatives_claims"
REFINED, PLAIN = "nm", "nm(decay=0.0)"

STRAIGHT_THROUGH = (
    Contrast(
        claim="SR-STE",
        statement="SR-STE more accurate than plain straight-through",
        experiment=EXPERIMENT,
        ours={"rewriter": REFINED},
        theirs={"rewriter": PLAIN},
        stage="after",
    ),
)


def mask_verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """One per network and pattern that has draws enough."""
    counted = [row for row in rows if row.mask_changes is not None]
    places = grouped(counted, lambda row: (row.network, row.budget, row.steps)).values()
    found = [(own, paired(gaps)) for own in places if len(gaps := _gaps(own)) >= FEW]
    adjusted = holm([difference_p(gap) for _, gap in found])
    return [_verdict(own, gap, p) for (own, gap), p in zip(found, adjusted, strict=True)]


def _changes(rows: Sequence[Row], rewriter: str) -> dict[int, int]:
    """By draw."""
    return {row.draw: row.mask_changes or 0 for row in rows if row.rewriter == rewriter}


def _gaps(rows: Sequence[Row]) -> list[float]:
    """In percent; of draws with changes to compare with."""
    refined, plain = _changes(rows, REFINED), _changes(rows, PLAIN)
    return [
        100 * (refined[draw] / plain[draw] - 1)
        for draw in sorted(refined.keys() & plain.keys())
        if plain[draw]
    ]


def _verdict(rows: Sequence[Row], gap: Paired, p: float) -> Verdict:
    row, (low, high), plain = rows[0], gap.interval(LEVEL), _changes(rows, PLAIN).values()
    mean = sum(plain) / len(plain)
    return Verdict(
        "SR-STE changes its masks less often than plain straight-through",
        f"{row.network}, nm {row.budget}, {row.steps} steps",
        f"{gap.mean:+.2f} % of {mean:,.0f} changes, n = {gap.n} draws of the training",
        f"{low:+.2f} to {high:+.2f}, p = {p:.2g}",
        verdict(high < 0 and p < ALPHA, low > 0 and p < ALPHA),
    )
