"""A cell: what its record says, and when it is computed again."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments import cell as cell_module
from experiments import measure as measure_module
from experiments.bench import open_bench
from experiments.block import points, result_block
from experiments.cell import Outcome, cell_identity, cell_versions, run_cell
from experiments.evaluation import unpack_bits
from experiments.identity import digest
from experiments.locks import Busy, lock
from experiments.networks import training_of
from experiments.record import write_record
from experiments.report.rows import summary_row
from experiments.settings import Machine
from experiments.training_settings import Finetuning
from tests.harness.cells import RECIPE, a_cell, machine
from tropnnc import Tier, TropnncError, compress, make_method


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(tmp_path_factory.mktemp("cells"))


def record_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.record is not None
    return outcome.record


def test_record_repeats_by_hand(here: Machine) -> None:
    cell = a_cell("l1", ratio=0.25)
    record = record_of(run_cell(cell, here))
    bench = open_bench(cell, here)
    small, _ = compress(bench.model, bench.test_images[:1], method="l1", ratio=0.25)
    hits = small(bench.test_images).argmax(dim=1) == bench.dataset.test.labels
    assert unpack_bits(record["compressed"]).tolist() == hits.tolist()
    assert record["compressed"]["correct"] == int(hits.sum())
    assert record["dense"]["correct"] == bench.dense.correct == unpack_bits(record["dense"]).sum()
    assert record["units"] == [{"name": "1", "kind": "linear", "neurons": 16, "kept": 4}]
    assert record["dense"]["macs"] == 784 * 16 + 16 * 10
    assert record["compressed"]["macs"] == 784 * 4 + 4 * 10
    assert record["compressed"]["parameters"] == 785 * 4 + 5 * 10
    assert (record["needs"], record["order"], record["status"]) == ("weights", "original", "done")


def test_half_a_neuron_rounds_up(here: Machine) -> None:
    # Half to even would keep 2 of 25 at a tenth.
    arch = replace(a_cell().arch, options=(("widths", (25,)),))
    [unit] = record_of(run_cell(a_cell(ratio=0.1, arch=arch), here))["units"]
    assert (unit["neurons"], unit["kept"]) == (25, 3)


def test_identity_follows_from_what_the_record_says(here: Machine) -> None:
    record = record_of(run_cell(a_cell(), here))
    parts = ("config", "schema", "checkpoint", "data", "versions")
    assert record["identity"] == digest({key: record[key] for key in parts})


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"geometry_images": 10}, "geometry"),
        ({"recalibration_images": 10}, "recalibration"),
        ({"finetuning": Finetuning(RECIPE, (1,), from_scratch=False)}, "training"),
    ],
)
def test_an_optional_section_has_its_own_version(change: dict[str, Any], part: str) -> None:
    plain = cell_versions(a_cell())
    assert cell_versions(a_cell(**change)) == {**plain, part: 1}


def test_the_result_block_computes_its_difference(here: Machine) -> None:
    outcome = run_cell(a_cell("l1", ratio=0.25), here)
    record = record_of(outcome)
    change = record["compressed"]["correct"] - record["dense"]["correct"]
    assert points(record) == pytest.approx(change / 10)
    assert f"({change / 10:+.2f} points)" in result_block(outcome)


def test_ratio_one_changes_nothing(here: Machine) -> None:
    record = record_of(run_cell(a_cell("tropnnc", ratio=1.0), here))
    assert record["dense"] == record["compressed"]
    assert record["output_error"] < 1e-6


def test_a_rerun_computes_nothing(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_cell(a_cell(), here)
    monkeypatch.setattr(measure_module, "compress", None)
    again = run_cell(a_cell(), here)
    assert again.record == first.record
    assert not again.computed


def test_two_machines_write_the_same_record_apart_from_timings(
    here: Machine, tmp_path: Path
) -> None:
    cell = a_cell("thinet", ratio=0.25, seed=2)
    first, second = (record_of(run_cell(cell, place)) for place in (here, machine(tmp_path)))
    assert first.pop("timing").keys() == second.pop("timing").keys()
    assert summary_row(first).peak_rss == first["memory"]["peak_rss"] > 50 * 2**20  # torch alone
    assert first.pop("memory").keys() == second.pop("memory").keys()
    assert first.pop("checksum") != second.pop("checksum")  # it covers the timings
    assert json.dumps(first) == json.dumps(second)


def test_a_failure_is_recorded_and_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a method's fault")

    with monkeypatch.context() as patch:
        patch.setattr(measure_module, "compress", broken)
        failed = run_cell(a_cell(), machine(tmp_path))
    assert failed.status == record_of(failed)["status"] == "failed"
    assert "a method's fault" in record_of(failed)["traceback"]
    retried = run_cell(a_cell(), machine(tmp_path))
    assert (retried.status, retried.computed, retried.path) == ("done", True, failed.path)
    assert retried.path is not None
    assert json.loads(retried.path.read_text()) == retried.record


def test_what_the_harness_cannot_give_is_skipped_with_the_reason(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Supervised:
        needs, order, version = Tier.LABELS, "original", 1

    monkeypatch.setattr(cell_module, "make_method", lambda *_, **__: Supervised())
    outcome = run_cell(a_cell("supervised"), here)
    assert outcome.status == "skipped"
    assert "needs labels" in record_of(outcome)["reason"]


def test_bad_input_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match="unknown method"):
        run_cell(a_cell("no such"), machine(tmp_path))
    assert not list(tmp_path.rglob("*.json"))


def _seen_calibration(
    here: Machine, monkeypatch: pytest.MonkeyPatch, method: str, **changes: Any
) -> torch.Tensor | None:
    seen: list[torch.Tensor | None] = []

    def spy(*args: Any, **named: Any) -> Any:
        seen.append(named["calibration"])
        return compress(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(measure_module, "compress", spy)
        assert run_cell(a_cell(method, **changes), here).status == "done"
    return seen[0]


def test_images_go_only_to_methods_that_declare_them(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("random", "l2", "misiakos"):
        assert make_method(method).needs < Tier.IMAGES
        assert _seen_calibration(here, monkeypatch, method, ratio=0.75) is None


def test_calibration_images_are_those_of_the_repetition(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _seen_calibration(here, monkeypatch, "thinet", ratio=0.75)
    other_method = _seen_calibration(here, monkeypatch, "thinet_keep", ratio=0.5)
    other_seed = _seen_calibration(here, monkeypatch, "thinet", ratio=0.75, seed=1)
    assert first is not None
    assert other_method is not None
    assert other_seed is not None
    assert torch.equal(first, other_method)
    assert not torch.equal(first, other_seed)
    assert first.shape == (32, 1, 28, 28)
    train = open_bench(a_cell(), here).dataset.train.images
    pool = {image.numpy().tobytes() for image in train}
    pixels = torch.round((first * 0.3081 + 0.1307) * 255).to(torch.uint8)
    assert all(image.numpy().tobytes() in pool for image in pixels)


def test_cells_do_not_touch_the_dense_network_they_share(here: Machine) -> None:
    bench = open_bench(a_cell(), here)
    before = {name: tensor.clone() for name, tensor in bench.model.state_dict().items()}
    for method in ("misiakos", "thinet"):
        run_cell(replace(a_cell(method), ratio=0.3), here)
    for name, tensor in bench.model.state_dict().items():
        assert np.array_equal(tensor, before[name])


def test_a_cell_or_network_that_another_process_is_at(tmp_path: Path) -> None:
    here = machine(tmp_path)
    cell = a_cell()
    training = training_of(cell, here)
    assert training is not None
    with lock(here.runs_dir, training.identity), pytest.raises(Busy):
        run_cell(cell, here, wait=False)
    identity = cell_identity(cell, open_bench(cell, here))
    with lock(here.runs_dir, identity), pytest.raises(Busy):
        run_cell(cell, here, wait=False)
    assert run_cell(cell, here, wait=False).computed


def test_a_cell_that_another_process_finished_meanwhile_is_found(tmp_path: Path) -> None:
    here, there = machine(tmp_path), machine(tmp_path / "other")
    record = record_of(run_cell(a_cell(), there))
    open_bench(a_cell(), here)
    with ThreadPoolExecutor() as pool:
        with lock(here.runs_dir, record["identity"]):
            waiting = pool.submit(run_cell, a_cell(), here)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.2)
            write_record(here.runs_dir, record)
        outcome = waiting.result()
    assert not outcome.computed
    assert outcome.record == record
