"""Rescaling: other weights, the same function, and cells that say so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.bench import open_bench
from experiments.cell import run_cell
from experiments.parsing import cell_settings
from experiments.report.__main__ import report
from experiments.report.figure import figures
from experiments.report.rows import summary_row
from experiments.report.summary import SummaryRow, write_summary
from experiments.report.tables import blocks
from experiments.rescaling import rescaled
from experiments.settings import Rescaling
from tests.harness.cells import CELL, a_cell, composed, machine
from tests.harness.summaries import ROWS
from tests.networks import ZOO, build, images
from tropnnc import TropnncError
from tropnnc.errors import UnsupportedUnit
from tropnnc.graph import discover
from tropnnc.surgery import read_unit

BY_E = Rescaling(seed=1, spread=1.0)
HOMOGENEOUS = [name for name, architecture in ZOO.items() if architecture.homogeneous]


def on_rescaled(row: SummaryRow) -> SummaryRow:
    return replace(row, settings=f"{row.settings} rescaling={row.seed + 1}")


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_the_function_stays(name: str) -> None:
    model, batch = build(name), images(name, count=64)
    other = rescaled(model, batch[:1], BY_E)
    with torch.no_grad():
        expected, logits = model(batch), other(batch)
    scale = torch.linalg.vector_norm(expected)
    assert torch.linalg.vector_norm(logits - expected) <= 1e-4 * scale
    if expected.shape[1] == 1:  # one logit, whose sign decides
        expected, logits = (torch.cat([-each, each], dim=1) for each in (expected, logits))
    best = expected.topk(2, dim=1).values
    clear = best[:, 0] - best[:, 1] > 1e-4 * scale
    assert torch.equal(logits.argmax(1)[clear], expected.argmax(1)[clear])


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_every_neuron_has_its_own_factor(name: str) -> None:
    model, example = build(name), images(name, count=1)
    other = rescaled(model, example, BY_E)
    # A unit's row also has the inverse factors of the unit before it; its bias has its own alone.
    drawn = []
    for site in discover(model, example).sites:
        before, after = read_unit(model, site), read_unit(other, site)
        if before.incoming[:, -1].all():
            drawn.append(np.log(after.incoming[:, -1] / before.incoming[:, -1]))
    factors = np.concatenate(drawn)
    assert len(np.unique(factors.round(9))) == len(factors) >= 12
    assert 0.5 < factors.std() < 1.6
    assert abs(factors.mean()) < 4 / np.sqrt(len(factors))


@pytest.mark.parametrize("name", [name for name in ZOO if name not in HOMOGENEOUS])
def test_units_that_are_not_homogeneous_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedUnit, match=r"the experiment rescales neurons, .* depthwise"):
        rescaled(build(name), images(name, count=1), BY_E)


def test_factors_depend_on_the_seed_alone() -> None:
    model, example = build("mlp"), images("mlp", count=1)
    first, again = (rescaled(model, example, BY_E).state_dict() for _ in range(2))
    other = rescaled(model, example, replace(BY_E, seed=2)).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["1.weight"], other["1.weight"])


def test_no_spread_is_the_network_itself() -> None:
    model, example = build("vgg"), images("vgg", count=1)
    state = rescaled(model, example, Rescaling(3, 0.0)).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_off_is_absent_from_the_identity() -> None:
    off, on = (cell_settings(composed(f"rescale.seed={seed}")) for seed in (0, 4))
    assert off.rescaling is None
    assert "rescale" not in off.determinants()
    assert on.determinants() == {**off.determinants(), "rescale": {"seed": 4, "spread": 1.0}}


@pytest.mark.parametrize("override", ["rescale.spread=-1", "rescale.seed=x", "rescale=3"])
def test_what_is_not_accepted(override: str) -> None:
    with pytest.raises(TropnncError, match=r"rescale.* is not accepted"):
        cell_settings(composed(override))


def test_cells_on_a_rescaled_network(tmp_path: Path) -> None:
    here = machine(tmp_path)
    records = {}
    for method in ("random", "l1"):
        for rescaling in (None, BY_E, replace(BY_E, seed=2)):
            cell = a_cell(method, ratio=0.25, rescaling=rescaling)
            record = run_cell(cell, here).record
            assert record is not None
            assert record["dense"]["bits"] == records.setdefault("dense", record["dense"])["bits"]
            records[method, rescaling] = record
    # Neurons drawn by lot are the same ones: the small network is the same function.
    drawn = {records["random", r]["compressed"]["bits"] for r in (None, BY_E)}
    assert len(drawn) == 1
    # A norm feels what the function does not.
    assert len({records["l1", r]["output_error"] for r in (None, BY_E)}) == 2
    own = [records["l1", r] for r in (None, BY_E, replace(BY_E, seed=2))]
    assert len({record["checkpoint"] for record in own}) == 3
    settings = [summary_row(record).settings for record in own]
    assert [text.partition("rescaling=")[2] for text in settings] == ["", "1", "2"]


def test_the_dense_network_is_not_touched(tmp_path: Path) -> None:
    here = machine(tmp_path)
    bench = open_bench(CELL, here)
    before = bench.checkpoint
    other = open_bench(replace(CELL, rescaling=BY_E), here)
    assert other is open_bench(replace(CELL, rescaling=BY_E), here)
    assert other.checkpoint != before
    assert other.dataset is bench.dataset
    assert replace(bench).checkpoint == before


def test_means_over_rescalings_are_not_drawn(tmp_path: Path) -> None:
    moved = [on_rescaled(row) for row in ROWS]
    assert figures(ROWS)
    assert figures(moved) == {}
    assert figures([*ROWS[:-1], moved[-1]]) == {}  # as little as a mean over both
    write_summary(moved, tmp_path / "summary" / "x.csv")
    _, written = report("x", tmp_path)
    assert [path.name for path in written] == ["x.csv", "x.md", "x.tex"]


def test_tables_say_what_their_mean_is_over() -> None:
    over = "digits, lenet_a: top-1 in %, mean ± sd over n = 3"
    [plain, _], [moved, other] = blocks(ROWS), blocks([on_rescaled(row) for row in ROWS])
    assert plain.title == f"{over} dense networks"
    assert moved.title == f"{over} rescalings of dense ones"
    assert other.title.endswith("rescalings of dense ones")
    # Every network by its own rows.
    mixed = blocks([on_rescaled(row) if row.arch == "lenet_b" else row for row in ROWS])
    assert [block.title for block in mixed] == [plain.title, other.title]
    # Which rescaling it was is no other method.
    assert [line.method for line in moved.lines] == [line.method for line in plain.lines]
