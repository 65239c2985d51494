"""What surgery makes of the parts of a reduction, by the definition of each part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import networks
from tropnnc import Reduction, Tier, TropnncError, Unit, compress
from tropnnc.protocols import ORDERS, Order
from tropnnc.reduction import select

Answer = Callable[[Unit, int], Reduction]


@dataclass
class Scripted:
    """A reducer that answers with a given function."""

    answer: Answer
    needs = Tier.STATISTICS
    order: Order = "sequential"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Unit:
        return unit

    def reduce(self, state: Unit, k: int) -> Reduction:
        return self.answer(state, k)


def _first(unit: Unit, k: int) -> Reduction:
    return select(unit, np.arange(k))


def _activations(model: nn.Module, name: str, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Input and output of a layer."""
    seen: list[Tensor] = []
    layer = model.get_submodule(name)

    def listen(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        seen.extend([inputs[0], output])

    handle = layer.register_forward_hook(listen)
    with torch.no_grad():
        model(inputs)
    handle.remove()
    return seen[0], seen[1]


def test_fitted_taps_scales_and_offsets_reach_the_consumer() -> None:
    model, inputs = networks.build("lenet5"), networks.images("lenet5")
    rng = np.random.default_rng(0)
    fitted, scale, offset = rng.normal(size=(10, 3, 25)), rng.normal(size=10), rng.normal(size=10)

    def answer(unit: Unit, k: int) -> Reduction:
        plain = replace(_first(unit, k), mix=None, outgoing=(fitted,))
        return replace(plain, row_scale=(scale,), offset=(offset,))

    small, _ = compress(model, inputs, Scripted(answer), 0.5, scope=["conv1"])
    seen, output = _activations(small, "conv2", inputs)
    dense = model.get_submodule("conv2")
    assert isinstance(dense, nn.Conv2d)
    assert dense.bias is not None
    weight = torch.from_numpy(fitted).float().reshape(10, 3, 5, 5)
    expected = nn.functional.conv2d(seen, weight, dense.bias)
    expected = expected * torch.from_numpy(scale).float()[:, None, None]
    expected = expected + torch.from_numpy(offset).float()[:, None, None]
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)


def test_an_offset_without_bias_moves_the_batch_norm_behind() -> None:
    model, inputs = networks.build("resnet"), networks.images("resnet")
    offset = np.linspace(-1, 1, 8)
    plain = compress(model, inputs, Scripted(_first), 0.5, scope=["block1.conv1"])[0]
    moved = compress(
        model,
        inputs,
        Scripted(lambda unit, k: replace(_first(unit, k), offset=(offset,))),
        0.5,
        scope=["block1.conv1"],
    )[0]
    convolved = _activations(plain, "block1.conv2", inputs)[1]
    shifted = convolved + torch.from_numpy(offset).float()[:, None, None]
    expected = plain.get_submodule("block1.bn2")(shifted)
    torch.testing.assert_close(_activations(moved, "block1.bn2", inputs)[1], expected)


def test_a_fit_of_every_tap_is_refused_in_original_order() -> None:
    def answer(unit: Unit, k: int) -> Reduction:
        outgoing = tuple(c.outgoing[:, :k] for c in unit.consumers)
        return replace(_first(unit, k), mix=None, outgoing=outgoing)

    model, inputs = networks.build("mlp"), networks.images("mlp")
    with pytest.raises(TropnncError, match="sequential order only"):
        compress(model, inputs, Scripted(answer), order="original")


def test_refitted_rows_keep_their_batch_norm_and_move_its_mean() -> None:
    """``running_mean −= intercept``: γ, β and the variance are the selected neurons'."""
    model, inputs = networks.build("vgg"), networks.images("vgg")
    intercept, factor = 0.3, 1.7

    def answer(unit: Unit, k: int) -> Reduction:
        assert unit.batch_norm is not None
        rows = unit.incoming[:k].copy()
        rows[:, :-1] *= factor
        rows[:, -1] += unit.batch_norm.scale[:k] * intercept
        return replace(_first(unit, k), incoming=rows)

    small, _ = compress(model, inputs, Scripted(answer), 0.5, scope=["features.0"])
    before, after = model.get_submodule("features.1"), small.get_submodule("features.1")
    for name in ("weight", "bias", "running_var"):
        assert torch.equal(getattr(after, name), getattr(before, name)[:4])
    filters = model.get_parameter("features.0.weight")[:4]
    torch.testing.assert_close(small.get_parameter("features.0.weight"), factor * filters)
    means = before.get_buffer("running_mean")[:4] - intercept
    torch.testing.assert_close(after.get_buffer("running_mean"), means)


def test_merged_batch_norm_states_the_variance_of_merged_neurons() -> None:
    """Inputs of identity covariance: the merged running variance is exactly ``‖ã‖²``.

    γ of either sign: the formula of theory.md with |γ| and raw cosines fails here.
    """
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()
    layer, norm = model[0], model[1]
    assert isinstance(layer, nn.Linear)
    assert isinstance(norm, nn.BatchNorm1d)
    norm.weight.data = torch.from_numpy(rng.normal(size=8))
    norm.running_var = layer.weight.detach().square().sum(dim=1) - norm.eps
    norm.running_mean = layer.bias.detach().clone()
    small, _ = compress(model.eval(), torch.zeros(2, 6).double(), "tropnnc", 0.5)
    merged, after = small.get_parameter("0.weight"), small.get_submodule("1")
    variance = after.get_buffer("running_var") + norm.eps
    torch.testing.assert_close(variance, merged.detach().square().sum(dim=1))


def test_a_merge_without_combination_cannot_give_batch_norm_back() -> None:
    def answer(unit: Unit, k: int) -> Reduction:
        return replace(_first(unit, k), kept=None)

    model, inputs = networks.build("vgg"), networks.images("vgg")
    with pytest.raises(TropnncError, match="kept or combination"):
        compress(model, inputs, Scripted(answer))


@pytest.mark.parametrize("network", list(networks.ZOO))
@pytest.mark.parametrize("order", ORDERS)
def test_selected_neurons_are_copied_as_they_would_be_computed(network: str, order: Order) -> None:
    """``replace`` takes away that they are only selected: the general way, bit by bit the same."""
    model, inputs = networks.build(network), networks.images(network)

    def last_ones(unit: Unit, k: int) -> Reduction:
        return select(unit, np.arange(unit.neurons)[-k:])

    copied, report = compress(model, inputs, Scripted(last_ones), 0.5, order=order)
    general = Scripted(lambda unit, k: replace(last_ones(unit, k)))
    computed, expected = compress(model, inputs, general, 0.5, order=order)
    for unit in report.units:
        found = report.mixes[unit.name].toarray()
        np.testing.assert_array_equal(found, expected.mixes[unit.name].toarray())
    assert str(copied) == str(computed)
    mine, theirs = copied.state_dict(), computed.state_dict()
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, theirs[name]), name
        assert tensor.is_contiguous() == theirs[name].is_contiguous()


@pytest.mark.parametrize("order", ["original", "sequential"])
@pytest.mark.parametrize("method", ["l1", "tropnnc", "thinet"])
@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_the_smaller_network_shares_no_memory(ratio: float, method: str, order: Order) -> None:
    model, inputs = networks.build("vgg").train(), networks.images("vgg")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    small, _ = compress(
        model, inputs, method, ratio, scope=["features.3"], order=order, calibration=inputs
    )
    assert all(module.training for net in (model, small) for module in net.modules())
    assert all(torch.equal(tensor, before[n]) for n, tensor in model.state_dict().items())
    pointers = {tensor.data_ptr() for tensor in model.state_dict().values()}
    assert not pointers & {tensor.data_ptr() for tensor in small.state_dict().values()}


class Recurrent(nn.Module):
    """Its last layer keeps its parameters in a list besides."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 6), nn.Linear(6, 3), nn.GRU(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.second(torch.relu(self.first(x))))[0]


def test_layers_that_are_left_alone_use_the_smaller_networks_parameters() -> None:
    model, inputs = Recurrent().eval(), torch.rand(5, 4)
    small, report = compress(model, inputs, "l1", 0.5)
    assert report.widths == {"first": 3}
    before = model(inputs)
    with torch.no_grad():
        for parameter in small.parameters():
            parameter.zero_()
    assert not small(inputs).any()
    assert before.any()
    assert torch.equal(model(inputs), before)


def test_the_original_keeps_its_buffers() -> None:
    """Also those that it changes whenever it runs."""

    class Counting(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
            self.register_buffer("runs", torch.zeros(()))

        def forward(self, input: Tensor) -> Tensor:
            self.get_buffer("runs").add_(1)
            return super().forward(input)

    model = Counting().eval()
    compress(model, torch.rand(1, 4), "l1", 0.5)
    assert model.get_buffer("runs") == 0


def test_tied_parameters_stay_tied() -> None:
    model = nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2)
    )
    tied, other = model.get_submodule("2"), model.get_submodule("0")
    tied.weight = other.weight
    small, report = compress(model, torch.rand(1, 4), "l1", 0.5)
    assert report.widths == {"3": 3}
    assert small.get_submodule("0").weight is small.get_submodule("2").weight
    assert small.get_submodule("0").weight is not other.weight
