"""Making synthetic images: micro-batches, and a making that was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.networks import ZOO, build
from tropnnc.composition import composed, gaussian_ls, synthetic_ls
from tropnnc.imagination import (
    Images,
    Recipe,
    Snapshot,
    dead_leaves,
    imagine,
    origin_of,
    pink_noise,
    recipe_for,
    save_images,
    snapshot,
)
from tropnnc.imagination.frame import frame_of, per_channel
from tropnnc.imagination.matching import Matching
from tropnnc.imagination.objective import objective_of
from tropnnc.unit import Pixels

PIXELS = Pixels(0.2, 0.9)
RECIPE = Recipe(count=11, steps=4, batch=4, mirrored=False)


class Killed(Exception):
    """Stands for SIGKILL."""


def make(name: str = "resnet", recipe: Recipe = RECIPE, seed: int = 0, **more: Any) -> Images:
    return imagine(build(name), ZOO[name].input, recipe, PIXELS, seed, **more)


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[int]:
    """Let makings die in front of the ``step``-th step; the list counts those that were taken."""
    taken: list[int] = []
    original = Matching.step

    def until_killed(matching: Matching) -> None:
        if len(taken) == step:
            raise Killed
        taken.append(matching.done)
        original(matching)

    monkeypatch.setattr(Matching, "step", until_killed)
    return taken


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SECONDS", 0.0)


@pytest.mark.parametrize(
    ("name", "default"),
    [("resnet", Recipe(500, 50)), ("mlp", Recipe(250, 300, variation=0.1, mirrored=False))],
)
def test_networks_without_batch_norm_have_a_recipe_of_their_own(name: str, default: Recipe) -> None:
    model = build(name)
    assert origin_of(model, (1, 4, 4)).recipe == default
    assert synthetic_ls().recipe(model) == default
    stated = {"count": 12, "steps": 7, "batch": None, "shift": 0}
    assert recipe_for(model, stated) == replace(default, count=12, steps=7, shift=0)
    assert composed(source="synthetic", steps=0).recipe(model) == replace(default, steps=0)
    assert gaussian_ls().recipe(model) is None


@pytest.mark.parametrize(("name", "begin"), [("resnet", dead_leaves), ("mlp", pink_noise)])
def test_images_begin_as_leaves_or_as_noise(name: str, begin: Any) -> None:
    channels, *size = ZOO[name].input
    start = begin(11, tuple(size), channels, 0, PIXELS).clamp(-2.2, 2.4).half().float()
    assert torch.equal(make(name, Recipe(count=11, steps=0, mirrored=False)).tensor, start)


@pytest.mark.parametrize("name", ["resnet", "mlp"])
def test_every_micro_batch_goes_down_its_own_loss(name: str) -> None:
    """As even as may be, in order; each as if it were alone, its labels and shifts apart."""
    channels, height, width = ZOO[name].input
    begin = dead_leaves if name == "resnet" else pink_noise
    start = begin(11, (height, width), channels, 0)
    frame = frame_of(per_channel(PIXELS, channels), torch.device("cpu"))
    parts, before = [], 0.0
    for first, last in ((0, 4), (4, 8), (8, 11)):
        objective = objective_of(build(name), ZOO[name].input)
        alone = Matching(start[first:last], first, objective, RECIPE, frame, 0)
        before += (last - first) * alone.value(alone.seen) / 11
        for _ in range(4):
            alone.step()
        parts.append(alone.seen)
    made = make(name)
    assert torch.equal(made.tensor, torch.cat(parts).half().float())
    assert made.before == pytest.approx(before)
    whole = make(name, replace(RECIPE, batch=None))
    assert not torch.equal(made.tensor, whole.tensor)


def test_mirror_images_follow_those_that_were_made() -> None:
    plain, both = make(), make(recipe=replace(RECIPE, mirrored=True))
    assert torch.equal(both.tensor, torch.cat([plain.tensor, plain.tensor.flip(3)]))
    assert (both.before, both.after) == (plain.before, plain.after)


def test_images_depend_on_the_seed_alone() -> None:
    torch.manual_seed(3)
    first = make()
    torch.manual_seed(4)
    assert torch.equal(first.tensor, make().tensor)
    other = make(seed=1)
    assert not torch.equal(first.tensor, other.tensor)
    assert first.origin.identity != other.origin.identity


def test_every_value_is_one_of_float16() -> None:
    made = make()
    assert made.tensor.dtype == torch.float32
    assert torch.equal(made.tensor.half().float(), made.tensor)


@pytest.mark.parametrize("name", ["resnet", "mlp"])
@pytest.mark.parametrize("step", [1, 4, 6, 11])
def test_a_making_that_was_killed_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, step: int
) -> None:
    save_images(make(name), tmp_path / "whole")
    with monkeypatch.context() as context:
        kill_at(context, step)
        with pytest.raises(Killed):
            make(name, snapshot=Snapshot(tmp_path / "part"))
    taken = kill_at(monkeypatch, 99)
    again = Snapshot(tmp_path / "part")
    save_images(make(name, snapshot=again), tmp_path / "resumed")
    assert len(taken) == 12 - step
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
    again.discard()
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize(
    "spoilt", ["truncated", "flipped", "empty", "of another seed", "of another torch"]
)
def test_a_snapshot_of_no_use_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    path = tmp_path / "part"
    with monkeypatch.context() as context:
        kill_at(context, 6)
        if spoilt == "of another torch":
            context.setattr(torch, "__version__", "1.0")
        with pytest.raises(Killed):
            make(seed=int(spoilt == "of another seed"), snapshot=Snapshot(path))
    blob = path.read_bytes()
    if not spoilt.startswith("of"):
        bad = {"truncated": blob[:-9], "flipped": blob[:-1] + bytes([blob[-1] ^ 1]), "empty": b""}
        path.write_bytes(bad[spoilt])
    taken = kill_at(monkeypatch, 99)
    made = make(snapshot=Snapshot(path))
    assert len(taken) == 12
    assert torch.equal(made.tensor, make().tensor)


def test_snapshots_are_written_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "SECONDS", 60.0)
    make(snapshot=Snapshot(tmp_path / "part"))
    assert not (tmp_path / "part").exists()


def test_the_time_before_a_kill_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Snapshot(tmp_path / "part")
    monkeypatch.setattr(first, "_started", first._started - 1000)
    first.save("identity", {})
    second = Snapshot(tmp_path / "part")
    assert second.restore("another") is None
    assert second.seconds < 100
    assert second.restore("identity") == {}
    assert 1000 <= second.seconds < 1100


def test_a_step_keeps_at_most_every_tensor_of_a_forward_pass() -> None:
    """The memory bound of ``imagine``: what autograd saves, against all that a pass makes."""
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    model = build("vgg")
    objective = objective_of(model, ZOO["vgg"].input)
    frame = frame_of(per_channel(PIXELS, 3), torch.device("cpu"))
    start = dead_leaves(16, (16, 16), 3, 0)
    matching = Matching(start, 0, objective, RECIPE, frame, 0)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        matching.step()
    made: list[int] = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda *call: made.append(call[-1].nbytes))
    model(start)
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    assert sum(saved.values()) <= sum(made) + weights + 8 * start.nbytes
