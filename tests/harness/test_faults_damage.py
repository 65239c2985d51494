"""Damaged files in the middle of a sweep: named, set aside, redone, and nothing else is."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from experiments import bench as bench_module
from experiments.cell import Outcome
from experiments.console import short_errors
from experiments.data import idx as idx_module
from experiments.data import load_dataset
from experiments.data import mnist5k as mnist5k_module
from experiments.sweep import run_sweep
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError
from tropnnc.vision import torchvision

CELLS = [a_cell(method, seed=seed) for seed in (0, 1) for method in ("random", "l1")]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(path: Path) -> None:
    record = json.loads(path.read_text())
    record["compressed"]["correct"] += 1
    path.write_text(json.dumps(record, indent=1))


def result(outcome: Outcome) -> dict[str, Any]:
    assert outcome.record is not None
    return {k: v for k, v in outcome.record.items() if k not in ("timing", "memory", "checksum")}


@pytest.mark.parametrize("damage", [truncate, edit])
def test_a_damaged_record_is_computed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any
) -> None:
    first = run_sweep(CELLS, machine(tmp_path))
    path = first[2].path
    assert path is not None
    damage(path)
    damaged = path.read_bytes()
    capsys.readouterr()
    again = run_sweep(CELLS, machine(tmp_path))
    assert [outcome.computed for outcome in again] == [False, False, True, False]
    assert [result(outcome) for outcome in again] == [result(outcome) for outcome in first]
    assert f"{path}: damaged" in capsys.readouterr().out
    [aside] = (tmp_path / "results" / "runs" / "damaged").iterdir()
    assert (aside.name, aside.read_bytes()) == (f"{path.name}.1", damaged)


def test_a_damaged_network_is_trained_again_and_its_cells_still_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sweep(CELLS, machine(tmp_path))
    weights = sorted((tmp_path / "results" / "runs" / "checkpoints").glob("*.safetensors"))
    good = weights[0].read_bytes()
    truncate(weights[0])
    bench_module._open.cache_clear()
    again = run_sweep(CELLS, machine(tmp_path))
    assert not any(outcome.computed for outcome in again)
    assert f"{weights[0]}: damaged" in capsys.readouterr().out
    assert weights[0].read_bytes() == good


def test_a_damaged_data_file_without_a_network_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torchvision().datasets.MNIST, "mirrors", [])
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in idx_module.FILES:
        (folder / name).write_text(name)
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in idx_module.FILES]
    monkeypatch.setitem(idx_module.SHA256, "MNIST", (*digests[:3], "another"))
    with pytest.raises(SystemExit) as leave, short_errors():
        load_dataset("mnist", tmp_path)
    assert leave.value.code == 2
    said = capsys.readouterr()
    damaged = folder / idx_module.FILES[3]
    assert said.out.count("\n") == said.err.count("\n") == 1
    assert f"{damaged}: damaged" in said.out
    assert f"put {damaged.name} (unpacked) into {folder}" in said.err


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def another_digit(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content).replace(b",255,", b",254,", 1))


@pytest.mark.parametrize(
    ("damage", "message"), [(cut_off, "not readable"), (another_digit, "is not the original's")]
)
def test_the_embedded_digits_are_checked_and_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any, message: str
) -> None:
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(damage(mnist5k_module.mnist5k_file().read_bytes()))
    monkeypatch.setattr(mnist5k_module, "mnist5k_file", lambda: path)
    with pytest.raises(TropnncError, match=message) as caught:
        mnist5k_module.mnist5k()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
