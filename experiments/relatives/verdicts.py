"""From contrasts to verdicts; the rules were written before any sweep.

Superiority: supported where the 95 % interval lies above 0 and Holm's p over the claim's places is
below 0.05; contradicted where it lies below 0, likewise. No worse by a margin: supported where the
interval lies above minus the margin, contradicted where it lies below it, each with its own p.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.claims.rules import ALPHA
from experiments.claims.statistics import holm
from experiments.relatives.contrasts import ContrastRow
from experiments.report.statistics import grouped
from experiments.track.verdicts import Verdict, verdict

CAPTION = (
    "Claims of the relatives' papers at the scale at hand; the rules were written before the sweep."
    " Points of top-1; 95 % intervals, by Student's t over draws of the training where there are"
    " three or more, else by paired bootstrap over the test images of one network (a case study),"
    " of scores of neurons by Welch over samples, top over test images, unpaired; p by Holm over"
    " the places of a claim. Masks: percent of the changes of plain straight-through."
)


def verdicts_of(rows: Sequence[ContrastRow]) -> list[Verdict]:
    """One per row, corrected over the rows of its claim."""
    found = []
    for own in grouped(rows, lambda row: row.claim).values():
        adjusted = holm([row.p for row in own])
        against = holm([row.p if row.margin is None else 1 - row.p for row in own])
        found += [_verdict(*each) for each in zip(own, adjusted, against, strict=True)]
    return found


def _verdict(row: ContrastRow, p: float, against: float) -> Verdict:
    bound = 0.0 if row.margin is None else -row.margin
    supported = row.low > bound and p < ALPHA
    contradicted = row.high < bound and against < ALPHA
    return Verdict(
        row.statement,
        row.place,
        f"{row.difference:+.2f} points, n = {row.n:,} {row.unit}",
        f"{row.low:+.2f} to {row.high:+.2f}, p {_printed(p)}",
        verdict(supported, contradicted),
    )


def _printed(p: float) -> str:
    return f"= {p:.2g}" if p >= 1e-6 else "< 1e-06"
