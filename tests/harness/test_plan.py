"""A plan: what is done and missing, and how long the rest will take, without doing it."""

from pathlib import Path

import pytest

from experiments import bench as bench_module
from experiments import checkpoints
from experiments.estimates import Timings, about
from experiments.plan import make_plan
from experiments.record import Record, write_record
from experiments.sweep import run_sweep
from tests.harness.cells import a_cell, machine

CELLS = [a_cell(method, seed=seed) for seed in (0, 1) for method in ("random", "l1", "l2")]


def test_nothing_is_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "train_network", None)
    assert make_plan(CELLS, machine(tmp_path)).text == (
        "6 cells: 0 done, 0 skipped, 6 missing, 0 failed before\n2 networks to train\nunknown time"
    )


def test_some_of_it_is_there(tmp_path: Path) -> None:
    here = machine(tmp_path)
    *_, last = run_sweep(CELLS[:3], here)
    assert last.record is not None
    write_record(here.runs_dir, {**last.record, "status": "failed"})
    before = sorted(tmp_path.rglob("*"))
    plan = make_plan(CELLS, here)
    assert (plan.done, plan.skipped, plan.missing, plan.failed, plan.networks) == (2, 0, 3, 1, 1)
    assert 0 < plan.seconds < 60
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_network_is_to_be_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep(CELLS[:1], machine(tmp_path))
    [weights] = (tmp_path / "results" / "runs" / "checkpoints").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    bench_module._open.cache_clear()
    monkeypatch.setattr(checkpoints, "train_network", None)
    plan = make_plan(CELLS[:1], machine(tmp_path))
    assert (plan.done, plan.missing, plan.networks) == (0, 1, 1)


def timed(dataset: str, arch: str, method: str, *seconds: float) -> list[Record]:
    config = {"dataset": {"name": dataset}, "arch": {"name": arch}, "method": {"name": method}}
    return [
        {
            "identity": f"{dataset}-{arch}-{method}-{index}",
            "status": "done",
            "config": config,
            "timing": {"compress_seconds": value - 0.25, "evaluate_seconds": 0.25},
        }
        for index, value in enumerate(seconds)
    ]


def test_estimates_fall_back_from_the_same_kind_to_the_method_to_all(tmp_path: Path) -> None:
    for record in (
        *timed("mnist5k", "mlp", "l1", 1.0, 2.0, 30.0),
        *timed("mnist", "lenet5", "l2", 5.0, 7.0),
        *timed("mnist", "lenet5", "l1", 100.0),
    ):
        write_record(tmp_path, record)
    write_record(tmp_path, {**timed("mnist5k", "mlp", "l1", 9.0)[0], "identity": "late"})
    timings = Timings(tmp_path)
    assert timings.total([a_cell("l1")], []) == pytest.approx((2 + 9) / 2)
    assert timings.total([a_cell("l2"), a_cell("l2")], []) == pytest.approx(2 * 6)
    # Of 1, 2, 5, 7, 9, 30 and 100.
    assert timings.total([a_cell("random")], []) == pytest.approx(7)
    assert str(timings.total([a_cell("random")], [a_cell()])) == "nan"
    assert timings.total([], []) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "about 1 s"), (99, "about 99 s"), (150, "about 2 min"), (7200, "about 2.0 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert about(seconds) == text
