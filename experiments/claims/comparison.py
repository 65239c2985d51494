"""The paired differences of a claim on one network, from summary rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.claims.claim import Claim, Contender, Network, Settings
from experiments.report.summary import SummaryRow, parse_settings
from tropnnc.errors import TropnncError

NEAR_CHANCE = 5.0

# By ratio, then by checkpoint.
Cells = Mapping[float, Mapping[str, Sequence[SummaryRow]]]


@dataclass(frozen=True)
class Comparison:
    """One difference per dense network; positive where the claim's own method is better.

    Attributes:
        differences: of the means over the ratios that count; empty where none does.
        ratios: how many count.
        left_out: how many do not, since both methods are near chance.
        incomplete: dense networks without a difference: a method did not run at every ratio.
    """

    differences: tuple[float, ...]
    ratios: int
    left_out: int
    incomplete: int = 0


@dataclass(frozen=True)
class Untried:
    """Why a claim could not be tried on a network."""

    reason: str


def compare(
    claim: Claim, network: Network, pair: tuple[Contender, Contender], rows: Sequence[SummaryRow]
) -> Comparison | Untried:
    """The differences between the two methods of ``pair`` on ``network``.

    Raises:
        TropnncError: a contender's settings match rows of more than one setting.
    """
    cells: list[Cells] = []
    for contender in pair:
        found = _cells(claim, network, contender, rows)
        missing = [f"{ratio:g}" for ratio in claim.ratios if ratio not in found]
        if missing:
            return Untried(f"no cells of {contender.method} at {', '.join(missing)}")
        cells.append(found)
    networks, incomplete = _shared(claim, cells)
    if not networks:
        return Untried("no dense network on which both methods ran at every ratio")
    counted = [r for r in claim.ratios if not _all_near_chance(claim, cells, r, networks)]
    differences = [_difference(claim, cells, counted, name) for name in networks if counted]
    left_out = len(claim.ratios) - len(counted)
    return Comparison(tuple(differences), len(counted), left_out, incomplete)


def _cells(
    claim: Claim, network: Network, contender: Contender, rows: Sequence[SummaryRow]
) -> dict[float, dict[str, list[SummaryRow]]]:
    wanted = {**contender.settings, "scope": network.scope}
    place = network.dataset, network.arch, contender.method
    own = [row for row in rows if (row.dataset, row.arch, row.method) == place]
    own = [row for row in own if _is_measured(claim, row) and _matches(wanted, row)]
    settings = sorted({_told_apart(claim, row) for row in own})
    if len(settings) > 1:
        raise TropnncError(
            f"claim {claim.id!r}: the settings of {contender.method} on {network.arch} match"
            f" {len(settings)} of {network.experiments[0]}: {'; '.join(settings)}"
        )
    cells: dict[float, dict[str, list[SummaryRow]]] = {}
    for row in own:
        cells.setdefault(row.ratio, {}).setdefault(row.checkpoint, []).append(row)
    return cells


def _is_measured(claim: Claim, row: SummaryRow) -> bool:
    return row.status == "done" and _correct(claim, row) is not None


def _told_apart(claim: Claim, row: SummaryRow) -> str:
    """The settings of a row in which no two of a contender may differ.

    Method seeds are averaged; a cell that was re-calibrated too is the same before that.
    """
    free = {"method_seed"} if claim.finetuning == "recalibrated" else {"method_seed", "recalibrate"}
    own = parse_settings(row.settings)
    return " ".join(f"{name}={value}" for name, value in own.items() if name not in free)


def _matches(wanted: Settings, row: SummaryRow) -> bool:
    found = parse_settings(row.settings)
    return all(found.get(name) == value for name, value in wanted.items())


def _shared(claim: Claim, cells: Sequence[Cells]) -> tuple[list[str], int]:
    """Checkpoints on which both methods ran at every ratio, and the number of the others."""
    seen = [set(found[ratio]) for found in cells for ratio in claim.ratios]
    shared = set.intersection(*seen)
    return sorted(shared), len(set.union(*seen) - shared)


def _all_near_chance(
    claim: Claim, cells: Sequence[Cells], ratio: float, networks: Sequence[str]
) -> bool:
    means = [
        np.mean([_accuracy(claim, found[ratio][name]) for name in networks]) for found in cells
    ]
    return all(abs(mean - claim.chance) <= NEAR_CHANCE for mean in means)


def _difference(claim: Claim, cells: Sequence[Cells], ratios: Sequence[float], name: str) -> float:
    ours, theirs = ([_endpoint(claim, found[ratio][name]) for ratio in ratios] for found in cells)
    return float(np.mean(ours) - np.mean(theirs))


def _endpoint(claim: Claim, cells: Sequence[SummaryRow]) -> float:
    """Mean over the cells on one dense network (method seeds); more is better."""
    if claim.endpoint == "accuracy":
        return _accuracy(claim, cells)
    return -float(np.mean([row.output_error for row in cells]))


def _accuracy(claim: Claim, cells: Sequence[SummaryRow]) -> float:
    return float(np.mean([100 * (_correct(claim, row) or 0) / row.total for row in cells]))


def _correct(claim: Claim, row: SummaryRow) -> int | None:
    """At the stage of the claim; None where the cell did not go through it."""
    stages = {
        "before": row.correct,
        "recalibrated": row.recalibrated_correct,
        "after": row.finetuned_correct,
    }
    return stages[claim.finetuning]
