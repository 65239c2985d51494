"""Synthetic images of a dense network: made once, shared, gone on with, never half-written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from experiments import synthetic_images as module
from experiments.bench import open_bench
from experiments.locks import lock
from experiments.synthetic_images import (
    SyntheticImages,
    are_being_made,
    images_file,
    synthetic_images,
)
from tests.harness.cells import a_cell, machine
from tests.networks import build
from tests.unit.test_imagine import Killed, kill_at
from tropnnc.imagination import Recipe, imagine, load_images, origin_of, sheet_path, snapshot
from tropnnc.unit import Pixels

RECIPE, PIXELS = Recipe(count=4, steps=3), Pixels(0.1, 0.9)


def made(runs_dir: Path, seed: int = 0, recipe: Recipe = RECIPE) -> SyntheticImages:
    return synthetic_images(build("resnet"), (3, 10, 10), recipe, PIXELS, seed, runs_dir)


def path_of(runs_dir: Path) -> Path:
    return images_file(origin_of(build("resnet"), (3, 10, 10), RECIPE, PIXELS, 0), runs_dir)


def test_images_are_made_once_and_their_time_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(tmp_path)
    taken = kill_at(monkeypatch, 0)
    again = made(tmp_path)
    assert not taken
    assert torch.equal(again.images.tensor, first.images.tensor)
    assert again.images.origin == first.images.origin
    assert again.seconds == first.seconds > 0
    path = path_of(tmp_path)
    assert {file.name for file in path.parent.iterdir()} == {
        path.name, path.with_suffix(".json").name, sheet_path(path).name,
    }  # fmt: skip
    assert not list((tmp_path / "imaginations").glob("*"))


def test_they_are_what_the_library_makes(tmp_path: Path) -> None:
    expected = imagine(build("resnet"), (3, 10, 10), RECIPE, PIXELS, 0)
    assert torch.equal(made(tmp_path).images.tensor, expected.tensor)


def test_another_seed_or_recipe_is_another_file(tmp_path: Path) -> None:
    tensors = [made(tmp_path).images.tensor, made(tmp_path, seed=1).images.tensor]
    made(tmp_path, recipe=Recipe(count=4, steps=2))
    assert not torch.equal(*tensors)
    assert len(list((tmp_path / "images").glob("*.safetensors"))) == 3


def test_a_killed_making_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "whole")
    monkeypatch.setattr(snapshot, "SECONDS", 0.0)
    with monkeypatch.context() as context:
        kill_at(context, 2)
        with pytest.raises(Killed):
            made(tmp_path)
    assert not path_of(tmp_path).exists()
    taken = kill_at(monkeypatch, 99)
    made(tmp_path)
    assert taken == [2]
    assert path_of(tmp_path).read_bytes() == path_of(tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("damage", ["truncated", "facts torn", "facts missing", "images missing"])
def test_damaged_files_are_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    first, path = made(tmp_path).images.tensor, path_of(tmp_path)
    facts, whole = path.with_suffix(".json"), path.read_bytes()
    capsys.readouterr()
    match damage:
        case "truncated":
            path.write_bytes(whole[:-9])
        case "facts torn":
            facts.write_text('{"seco')
        case "facts missing":
            facts.unlink()
        case _:
            path.unlink()
    assert torch.equal(made(tmp_path).images.tensor, first)
    assert path.read_bytes() == whole
    assert json.loads(facts.read_text())["seconds"] > 0
    said = capsys.readouterr().out
    assert (f"{path}: damaged" in said) == (damage == "truncated")
    assert (tmp_path / "damaged" / f"{path.name}.1").exists() == (damage == "truncated")


def test_a_failed_write_leaves_nothing_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as context:
        context.setattr(module, "write_atomic", full)
        with pytest.raises(OSError, match="no space"):
            made(tmp_path)
    assert made(tmp_path).seconds > 0


def test_what_another_process_made_in_the_meantime_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = kill_at(monkeypatch, 99)

    @contextmanager
    def waiting(runs_dir: Path, identity: str) -> Iterator[None]:
        monkeypatch.setattr(module, "lock", lock)
        made(runs_dir)  # as the process would that holds the lock
        with lock(runs_dir, identity):
            yield

    monkeypatch.setattr(module, "lock", waiting)
    made(tmp_path)
    assert taken == [0, 1, 2]


def test_who_makes_them_is_seen(tmp_path: Path) -> None:
    origin = origin_of(build("resnet"), (3, 10, 10), RECIPE, PIXELS, 0)
    assert not are_being_made(origin, tmp_path)
    with lock(tmp_path, origin.identity):
        assert are_being_made(origin, tmp_path)
        path_of(tmp_path).parent.mkdir()
        path_of(tmp_path).touch()
        assert not are_being_made(origin, tmp_path)


def test_on_the_dense_network_of_a_cell(tmp_path: Path) -> None:
    """No batch norm there: images are driven to labels, within the range of real pixels."""
    bench = open_bench(a_cell(), machine(tmp_path))
    shape, recipe = tuple(bench.example.shape[1:]), Recipe(count=20, steps=10)
    images = synthetic_images(bench.model, shape, recipe, bench.pixels, 0, tmp_path).images
    assert images.source == "1/f noise driven to balanced labels"
    assert images.origin.weights == bench.checkpoint
    assert images.after < images.before
    low, high = (torch.tensor(bound) for bound in (bench.pixels.low, bench.pixels.high))
    assert images.tensor.min() > low - 1e-3
    assert images.tensor.max() < high + 2e-3
    assert torch.equal(load_images(images_file(images.origin, tmp_path)).tensor, images.tensor)
