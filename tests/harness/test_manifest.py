"""Which sweep counts as the experiment that its file describes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.manifest import experiment_name, experiment_records, read_manifest, write_manifest
from tropnnc import TropnncError


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["experiment=quick"], "quick"),
        (["experiment=quick", "results_dir=/elsewhere", "device=cpu"], "quick"),
        (["experiment=quick", "checkpoints_dir=/elsewhere"], "quick"),
        (["experiment=quick", "workers=8", "cells_per_job=20"], "quick"),
        (["experiment=quick", "ratio=0.5"], None),
        (["experiment=quick", "train.epochs=1"], None),
    ],
)
def test_an_overridden_experiment_is_another_one(overrides: list[str], name: str | None) -> None:
    hydra = {"runtime": {"choices": {"experiment": "quick"}}, "overrides": {"task": overrides}}
    assert experiment_name(OmegaConf.create(hydra)) == name


def test_a_sweep_without_experiment() -> None:
    hydra = {"runtime": {"choices": {"experiment": None}}, "overrides": {"task": ["ratio=0.5"]}}
    assert experiment_name(OmegaConf.create(hydra)) is None


def test_a_manifest_is_read_as_written(tmp_path: Path) -> None:
    write_manifest(tmp_path, "two", ["b", "a"])
    assert read_manifest(tmp_path, "two") == ["b", "a"]
    assert read_manifest(tmp_path, "one") is None


def test_missing_cells_name_the_command_that_makes_them(tmp_path: Path) -> None:
    write_manifest(tmp_path, "two", ["b", "a"])
    with pytest.raises(TropnncError, match=r"2 of 2 .*: python run\.py experiment=two$"):
        experiment_records(tmp_path, "two")
    with pytest.raises(TropnncError, match=r"complete it: python -m experiments\.ntk run two$"):
        experiment_records(tmp_path, "two", "python -m experiments.ntk run ")


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-5], lambda text: text.replace('"a"', '"c"'), lambda _: "[1]"]
)
def test_a_damaged_manifest_is_named_and_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[str], str]
) -> None:
    path = write_manifest(tmp_path, "two", ["b", "a"])
    path.write_text(damage(path.read_text()))
    assert read_manifest(tmp_path, "two") is None
    assert f"{path}: damaged" in capsys.readouterr().out
    assert not path.exists()
    assert (tmp_path / "damaged" / "two.json.1").exists()
