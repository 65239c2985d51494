"""Cells of the relatives: what is measured, stored and trained, and that it is done once."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.network import layers_of, settled
from experiments import resuming, training
from experiments.bench import Bench
from experiments.console import CellsFailed
from experiments.relatives import cells, learning
from experiments.relatives.learning import BATCH, shown, trained
from experiments.relatives.measure import built_network, measure, network_with_widths
from experiments.relatives.settings import Cell, Sharing
from experiments.settings import Machine
from experiments.track.sweep import run_cells
from tests.harness.cells import machine
from tests.relatives.cases import CWS, FOUR_BITS, NARROW, NM, SUITE, SVD, a_cell
from tropnnc.cost import count
from tropnnc.storage import restore, store

STEPS = 3
PROGRESS = Path("no training from random weights")
Opened = tuple[Bench, Machine]
KINDS: dict[str, dict[str, Any]] = {
    "dense": {},
    "svd": {"rewriting": SVD},
    "nm": {"rewriting": NM},
    "bits": {"rewriting": FOUR_BITS},
    "pruned": {"sharing": Sharing(80.0)},
    "shared": {"sharing": CWS},
    "narrow": {"narrowing": NARROW, "rewriting": FOUR_BITS, "half": True},
}


def built(cell: Cell, opened: Opened) -> nn.Module:
    bench, machine = opened
    narrow = network_with_widths(cell, SUITE, bench, machine, PROGRESS)
    return built_network(cell, narrow).model


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_says_what_the_file_of_the_network_takes(kind: str, opened: Opened) -> None:
    cell = a_cell(**KINDS[kind], steps=STEPS)
    record = measure(cell, SUITE, *opened, PROGRESS)
    model = built(cell.prepared(), opened)
    for stage, network in (("before", model), ("after", trained(model, opened[0], STEPS, 0))):
        state = settled(network).state_dict()
        assert "best" in record[stage]["files"]
        if kind == "narrow" and stage == "after":
            continue  # rounded to float16 again, which the sizes alone need not show
        for codec, size in record[stage]["files"].items():
            data = store(state, codec)
            assert len(data) == size
            assert all(torch.equal(state[name], t) for name, t in restore(data).items())
    assert record["before"]["total"] == 200
    assert record["macs"] == count(model, opened[0].example).macs


@pytest.mark.parametrize("kind", KINDS)
def test_training_changes_weights_and_keeps_their_form(kind: str, opened: Opened) -> None:
    model = built(a_cell(**KINDS[kind]), opened)
    before = copy.deepcopy(settled(model))
    after = trained(model, opened[0], STEPS, 0)
    assert not after.training
    state, other = before.state_dict(), after.state_dict()
    assert state.keys() == other.keys()
    assert any(not torch.equal(state[name], other[name]) for name in state)
    for name, tensor in state.items():
        assert tensor.shape == other[name].shape
        assert tensor.dtype == other[name].dtype
    again = settled(model).state_dict()
    assert all(torch.equal(state[name], again[name]) for name in state)  # the original is untouched


def test_what_is_pruned_stays_zero_and_codes_stay(opened: Opened) -> None:
    model = built(a_cell(sharing=Sharing(80.0)), opened)
    zeros = {name: layer.weight == 0 for name, layer in layers_of(settled(model)).items()}
    for name, layer in layers_of(trained(model, opened[0], STEPS, 0)).items():
        assert zeros[name].float().mean() == pytest.approx(0.8, abs=0.01)
        assert torch.equal(layer.weight == 0, zeros[name])
    model = built(a_cell(sharing=CWS), opened)
    learnt = trained(model, opened[0], STEPS, 0).state_dict()
    for name, tensor in model.state_dict().items():
        if name.endswith("codes"):
            assert torch.equal(tensor, learnt[name])


def test_patterns_and_grids_hold_after_training(opened: Opened) -> None:
    sparse = trained(built(a_cell(rewriting=NM), opened), opened[0], STEPS, 0)
    coarse = trained(built(a_cell(rewriting=FOUR_BITS), opened), opened[0], STEPS, 0)
    weights: list[Tensor] = [m.weight for m in sparse.modules() if hasattr(m, "pattern")]  # pyright: ignore[reportAssignmentType]
    assert weights
    for weight in weights:
        assert (weight.reshape(-1, 4).count_nonzero(dim=1) <= 2).all()
    levels = [m.weight.unique().numel() for m in coarse.modules() if hasattr(m, "grid")]  # pyright: ignore[reportCallIssue]
    assert levels
    assert max(levels) <= 16


def test_all_see_the_same_images_in_the_same_order(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Tensor]] = []

    class Watching(learning.Progress):
        def inputs(self, images: Tensor) -> Tensor:
            seen[-1].append(images.clone())
            return super().inputs(images)

    monkeypatch.setattr(learning, "Progress", Watching)
    for kind in ("dense", "svd", "shared", "narrow"):
        seen.append([])
        trained(built(a_cell(**KINDS[kind]), opened), opened[0], STEPS, 0)
    first, *others = seen
    assert len(first) == STEPS
    assert {len(batch) for batch in first} == {BATCH}
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    seen.append([])
    trained(built(a_cell(), opened), opened[0], STEPS, draw=1)
    assert not torch.equal(seen[-1][0], first[0])


def test_no_image_comes_again_before_all_were_seen(opened: Opened) -> None:
    train = opened[0].dataset.train
    steps = len(train) // BATCH + 2
    split = shown(train, steps, torch.Generator().manual_seed(0))
    assert len(split) == steps * BATCH
    whole = split.images[: len(train)].flatten(1).sum(dim=1).sort().values
    assert torch.equal(whole, train.images.flatten(1).sum(dim=1).sort().values)


def test_zeros_are_free_only_formally(opened: Opened) -> None:
    record = measure(a_cell(sharing=Sharing(80.0)), SUITE, *opened, PROGRESS)
    assert record["macs"] == record["dense"]["macs"]
    assert record["formal_macs"] == sum(x["facts"]["nonzeros"] for x in record["layers"])
    assert record["formal_macs"] == pytest.approx(0.2 * record["macs"], rel=0.01)
    assert measure(a_cell(rewriting=SVD), SUITE, *opened, PROGRESS)["formal_macs"] is None


def test_what_is_rewritten_and_then_pruned_reports_both(opened: Opened) -> None:
    cell = a_cell(rewriting=SVD, sharing=Sharing(80.0))
    found = built_network(cell, network_with_widths(cell, SUITE, *opened, PROGRESS))
    assert [(layer["name"], "nonzeros" in layer["facts"]) for layer in found.layers] == [
        *(("1", False), ("3", True)),  # the read-out is left to the pruning
    ]


def test_networks_trained_small(opened: Opened, tmp_path: Path) -> None:
    cell = a_cell(narrowing=NARROW, scratch=True)
    record = measure(cell, SUITE, *opened, tmp_path / "progress")
    assert record["before"]["correct"] > 0.3 * record["before"]["total"]
    assert record["macs"] < 0.55 * record["dense"]["macs"]


def test_a_network_trained_small_and_killed_goes_on_to_the_same_bits(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    step = training._loss

    def until(last: int) -> None:
        def killed(*given: Any) -> Tensor:
            steps.append(len(given[1]))
            if len(steps) == last:
                raise KeyboardInterrupt
            return step(*given)

        steps.clear()
        monkeypatch.setattr(training, "_loss", killed)

    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    suite = replace(SUITE, train=replace(SUITE.train, epochs=3))
    cell, progress = a_cell(narrowing=NARROW, scratch=True), tmp_path / "progress"
    until(0)
    whole = measure(cell, suite, *opened, tmp_path / "whole")
    epoch = len(steps) // 3
    until(2 * epoch)  # the last step of the second epoch
    with pytest.raises(KeyboardInterrupt):
        measure(cell, suite, *opened, progress)
    until(0)
    assert measure(cell, suite, *opened, progress)["before"] == whole["before"]
    assert len(steps) == 2 * epoch


def test_the_file_of_a_training_goes_with_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def measured(*given: Any) -> dict[str, Any]:
        found = measure(*given)
        seen.append(given[-1].exists())
        return found

    monkeypatch.setattr(cells, "suite_cell", lambda *_: SUITE)
    monkeypatch.setattr(cells, "measure", measured)
    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    own = machine(tmp_path)
    cells.run_cell(a_cell(narrowing=NARROW, scratch=True), True, own)
    assert seen == [True]
    assert not list((cells.runs_dir(own) / "trainings").iterdir())


def test_records_are_found_again_and_failures_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own, calls = Machine(tmp_path / "data", tmp_path / "results", "cpu"), []

    def failing(cell: Cell, *others: Any) -> dict[str, Any]:
        calls.append(cell)
        if cell.half and len(calls) < 3:
            raise RuntimeError("this one fails once")
        return measure(cell, *others)

    monkeypatch.setattr(cells, "suite_cell", lambda *_: SUITE)
    monkeypatch.setattr(cells, "measure", failing)
    both = [a_cell(), a_cell(half=True)]
    run = partial(cells.run_cell, machine=own)

    def sweep() -> None:
        run_cells("relatives_digits", both, run, cells.runs_dir(own), cells.found)

    with pytest.raises(CellsFailed):
        sweep()
    assert "failed: digits float16: traceback in" in capsys.readouterr().out
    sweep()
    assert len(calls) == 3
    sweep()
    assert len(calls) == 3
    assert "2 cells, 0 computed, 0 failed" in capsys.readouterr().out
