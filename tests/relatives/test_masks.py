"""SAD: changes of N:M masks, counted independently and judged."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.nm import NmLearner
from experiments.bench import Bench
from experiments.relatives.cells import versions_of
from experiments.relatives.claims.straight_through import PLAIN, REFINED, mask_verdicts
from experiments.relatives.learning import trained
from experiments.relatives.masks import MaskWatch
from experiments.relatives.measure import built_network, measure
from experiments.relatives.rows import Row, row_of
from experiments.relatives.settings import Cell, Rewriting
from experiments.settings import Component, Machine
from tests.relatives.cases import NM, SUITE, SVD, a_cell

STEPS, RATE = 12, 0.1
Opened = tuple[Bench, Machine]


def record(cell: Cell, opened: Opened) -> dict[str, Any]:
    return {**measure(cell, SUITE, *opened, Path("none")), "identity": "i"}


def rewriting(decay: float) -> Rewriting:
    return replace(NM, rewriter=Component("nm", (("decay", decay),)))


def test_changes_are_those_of_the_weights_at_every_step(opened: Opened) -> None:
    """Recounted from the dense weights, by ranks in place of the library's masks."""
    cell = a_cell(rewriting=NM, steps=STEPS, rate=RATE)
    history: list[list[Tensor]] = []

    def keep(model: nn.Module) -> None:
        learners = [module for module in model.modules() if isinstance(module, NmLearner)]
        history.append([m.grouping.cut(m.weight.detach()).clone() for m in learners])

    model = built_network(cell.prepared(), opened[0].model).model
    trained(model, opened[0], STEPS, cell.draw, RATE, keep)
    assert len(history) == STEPS
    masks = [
        torch.cat([(w.abs().argsort(1).argsort(1) >= 2).flatten() for w in weights])
        for weights in history
    ]
    steps = [int((new != old).sum()) for old, new in pairwise(masks)]
    counted = record(cell, opened)["mask_changes"]
    assert counted == sum(steps) > 0
    assert counted % 2 == 0  # N stay in every group: one comes for one that goes


def test_watching_changes_no_weight(opened: Opened) -> None:
    model = built_network(a_cell(rewriting=NM), opened[0].model).model
    plain = trained(model, opened[0], STEPS, 0, RATE)
    watched = trained(model, opened[0], STEPS, 0, RATE, MaskWatch())
    pairs = zip(plain.state_dict().values(), watched.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_strong_decay_keeps_the_masks(opened: Opened) -> None:
    """What λ is for: masked weights that shrink do not come back."""
    plain, strong = (
        record(a_cell(rewriting=rewriting(decay), steps=STEPS, rate=RATE), opened)["mask_changes"]
        for decay in (0.0, 5.0)
    )
    assert strong < plain


def test_nothing_is_counted_where_no_mask_is_trained(opened: Opened) -> None:
    for cell in (a_cell(rewriting=SVD, steps=STEPS), a_cell(rewriting=NM)):
        assert "mask_changes" not in record(cell, opened)
        assert "masks" not in versions_of(cell)
    assert versions_of(a_cell(rewriting=NM, steps=STEPS))["masks"] == 1


@pytest.mark.parametrize(
    ("refined", "expected"),
    [((150, 160, 155), "supported"), ((250, 260, 255), "contradicted"),
     ((150, 260, 200), "inconclusive")],
)  # fmt: skip
def test_verdicts(refined: tuple[int, ...], expected: str, opened: Opened) -> None:
    row = row_of(record(a_cell(rewriting=NM, steps=1), opened))
    rows = [*drawn(row, PLAIN, (200, 200, 200)), *drawn(row, REFINED, refined)]
    [found] = mask_verdicts(rows)
    assert found.verdict == expected
    assert "% of 200 changes, n = 3" in found.found
    if expected == "supported":
        assert found.found.startswith("-22.50 %")
    assert mask_verdicts(rows[1:]) == []  # two draws are too few


def drawn(row: Row, rewriter: str, changes: tuple[int, ...]) -> list[Row]:
    return [
        replace(row, rewriter=rewriter, draw=draw, mask_changes=each)
        for draw, each in enumerate(changes)
    ]
