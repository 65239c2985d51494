"""SAD: changes of N:M masks, counted independently and judged."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.nm import NmLearner
from experiments.bench import Bench
from experiments.relatives.claims.stability import mask_verdicts
from experiments.relatives.learning import trained
from experiments.relatives.masks import MaskRow, MaskWatch, mask_cells, mask_row
from experiments.relatives.measure import built_network
from experiments.relatives.settings import Rewriting
from experiments.settings import Component, Machine
from tests.relatives.cases import NM, a_cell

STEPS, RATE = 12, 0.1
Opened = tuple[Bench, Machine]
ROW = MaskRow("lenet300100", "1:4", 0.0, 0, 11, 1000, 200, 90)


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
    row = mask_row(cell, opened[0])
    assert (row.changes, row.weights) == (sum(steps), len(masks[0]))
    assert row.late == sum(steps[len(steps) // 2 :])
    assert row.changes > 0
    assert row.changes % 2 == 0  # N stay in every group: one comes for one that goes


def test_watching_changes_no_weight(opened: Opened) -> None:
    model = built_network(a_cell(rewriting=NM), opened[0].model).model
    plain = trained(model, opened[0], STEPS, 0, RATE)
    watched = trained(model, opened[0], STEPS, 0, RATE, MaskWatch())
    pairs = zip(plain.state_dict().values(), watched.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_strong_decay_keeps_the_masks(opened: Opened) -> None:
    """What λ is for: masked weights that shrink do not come back."""
    changes = [
        mask_row(a_cell(rewriting=rewriting(decay), steps=STEPS, rate=RATE), opened[0]).changes
        for decay in (0.0, 5.0)
    ]
    assert changes[1] < changes[0]


def test_they_are_the_cells_of_the_claim() -> None:
    cells = list(mask_cells())
    assert len(cells) == len(set(cells)) == 20
    assert {cell.steps for cell in cells} == {860}


@pytest.mark.parametrize(
    ("refined", "expected"),
    [((150, 160, 155), "supported"), ((250, 260, 255), "contradicted"),
     ((150, 260, 200), "inconclusive")],
)  # fmt: skip
def test_verdicts(refined: tuple[int, ...], expected: str) -> None:
    rows = [replace(ROW, draw=draw) for draw in range(3)]
    rows += [replace(ROW, draw=d, decay=2e-4, changes=c) for d, c in enumerate(refined)]
    [found] = mask_verdicts(rows)
    assert found.verdict == expected
    assert "% of 200 changes, n = 3" in found.found
    if expected == "supported":
        assert found.found.startswith("-22.50 %")
