"""What a method that needs images is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import networks
from tropnnc import Point, Reduction, Tier, Unit, compress
from tropnnc.protocols import Order
from tropnnc.reduction import select

POINTS = (
    Point("unit_input", "dense"),
    Point("unit_input"),
    Point("consumer_input", "dense"),
    Point("consumer_input"),
    Point("consumer_output", "dense"),
)


@dataclass
class Recorder:
    """Keeps every other neuron and remembers what it was shown."""

    needs: Tier = Tier.IMAGES
    order: Order = "sequential"
    version: int = 1
    shown: dict[str, list[Tensor]] = field(default_factory=dict)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Unit:
        assert unit.calibration is not None
        batches = list(unit.calibration.stream(*POINTS))
        self.shown[unit.name] = [torch.cat(parts) for parts in zip(*batches, strict=True)]
        return unit

    def reduce(self, state: Unit, k: int) -> Reduction:
        return select(state, np.arange(state.neurons)[-k:])


def _tensors(model: torch.nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Input and output of every layer."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def hook(name: str) -> Any:
        return lambda _, args, output: seen.__setitem__(name, (args[0], output))

    handles = [m.register_forward_hook(hook(name)) for name, m in model.named_modules() if name]
    with torch.no_grad():
        model(inputs)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("order", ["sequential", "original"])
def test_streams_are_the_networks_own_tensors(order: Order) -> None:
    """Concatenated producers: ``narrow`` is channels 6…12 of ``join``, 3…9 once ``wide`` is cut."""
    model = networks.build("branches")
    images = networks.images("branches", count=300)
    recorder = Recorder()

    def cut(*scope: str) -> torch.nn.Module:
        return compress(
            model, images[:2], recorder, 0.5, list(scope), order=order, calibration=images
        )[0]

    dense, wide_cut = _tensors(model, images), _tensors(cut("wide.0"), images)
    cut("wide.0", "narrow")
    current = dense if order == "original" else wide_cut
    start = 6 if order == "original" else 3
    expected = (
        dense["narrow"][0],
        current["narrow"][0],
        dense["join"][0][:, 6:],
        current["join"][0][:, start:],
        dense["join"][1],
    )
    for shown, tensor in zip(recorder.shown["narrow"], expected, strict=True):
        torch.testing.assert_close(shown, tensor)


def test_a_flattened_map_is_streamed_neuron_by_neuron() -> None:
    model, images = networks.build("lenet5"), networks.images("lenet5", count=5)
    recorder = Recorder()
    compress(model, images, recorder, 0.5, scope=["conv2"], calibration=images)
    hidden = _tensors(model, images)["fc1"][0].reshape(5, 10, 16)
    torch.testing.assert_close(recorder.shown["conv2"][3], hidden)


def test_behind_depthwise_convolutions_what_the_consumer_reads_is_streamed() -> None:
    model, images = networks.build("inverted"), networks.images("inverted", count=5)
    recorder = Recorder()
    small, _ = compress(
        model, images, recorder, 0.5, scope=["stem.0", "block1.0"], calibration=images
    )
    dense = _tensors(model, images)["block1.6"][0]
    torch.testing.assert_close(recorder.shown["block1.0"][2], dense)
    # Of the selected neurons nothing but the block's input has changed.
    after = _tensors(small, images)["block1.6"][0]
    torch.testing.assert_close(recorder.shown["block1.0"][3][:, -6:], after)
    assert not torch.allclose(after, dense[:, -6:])


@pytest.mark.parametrize("tier", [Tier.WEIGHTS, Tier.STATISTICS])
def test_a_lower_tier_is_shown_less(tier: Tier) -> None:
    units: list[Unit] = []

    class Spy(Recorder):
        def prepare(self, unit: Unit, rng: np.random.Generator) -> Unit:
            units.append(unit)
            return unit

    model, images = networks.build("resnet"), networks.images("resnet")
    compress(model, images, Spy(needs=tier), calibration=images)
    for unit in units:
        assert unit.calibration is None
        assert (unit.batch_norm is None) == (tier == Tier.WEIGHTS)
        assert (unit.consumers[0].batch_norm is None) == (tier == Tier.WEIGHTS)
        assert (unit.pixels is None) == (tier == Tier.WEIGHTS)
