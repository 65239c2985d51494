"""SR-STE changes its masks less often than the plain straight-through estimator (SAD).

Changes over a whole training against those of the same draw with λ = 0, in percent of them.
Supported where the 95 % t interval over draws lies below 0 and Holm's p over the patterns is below
0.05, contradicted where it lies above, likewise.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.claims.rules import ALPHA
from experiments.claims.statistics import Paired, difference_p, holm, paired
from experiments.relatives.contrasts import LEVEL
from experiments.relatives.masks import MaskRow
from experiments.report.statistics import grouped
from experiments.track.verdicts import Verdict, verdict


def mask_verdicts(rows: Sequence[MaskRow]) -> list[Verdict]:
    """One per pattern."""
    places = list(grouped(rows, lambda row: (row.network, row.pattern, row.steps)).values())
    found = [paired(_gaps(own)) for own in places]
    adjusted = holm([difference_p(gap) for gap in found])
    return [_verdict(*each) for each in zip(places, found, adjusted, strict=True)]


def _gaps(rows: Sequence[MaskRow]) -> list[float]:
    """Percent, by draw."""
    plain = {row.draw: row.changes for row in rows if row.decay == 0}
    refined = {row.draw: row.changes for row in rows if row.decay > 0}
    return [100 * (refined[draw] / plain[draw] - 1) for draw in sorted(plain)]


def _verdict(rows: Sequence[MaskRow], gap: Paired, p: float) -> Verdict:
    row, (low, high) = rows[0], gap.interval(LEVEL)
    plain = [own.changes for own in rows if own.decay == 0]
    mean = sum(plain) / len(plain)
    return Verdict(
        "SR-STE changes its masks less often than plain straight-through",
        f"{row.network}, nm {row.pattern}, {row.steps} steps",
        f"{gap.mean:+.2f} % of {mean:,.0f} changes, n = {len(plain)} draws of the training",
        f"{low:+.2f} to {high:+.2f}, p = {p:.2g}",
        verdict(high < 0 and p < ALPHA, low > 0 and p < ALPHA),
    )
