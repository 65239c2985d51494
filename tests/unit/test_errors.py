"""Bad input ends in one line that says what was wrong and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.networks import build, images
from tropnnc import TropnncError, compress, inspect, kept_neurons, make_method, method_names


def _message(**options: Any) -> str:
    """What compressing the LeNet-5 with ``options`` says."""
    with pytest.raises(TropnncError) as caught:
        compress(build("lenet5"), images("lenet5"), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["conv2.weight", "fc2.bias"])
def test_weights_that_are_not_finite(value: float, name: str) -> None:
    model = build("lenet5")
    model.get_parameter(name).data.view(-1)[3] = value
    with pytest.raises(TropnncError, match=rf"^{name} has NaN or infinite entries$"):
        compress(model, images("lenet5"))


def test_buffers_that_are_not_finite() -> None:
    model = build("vgg")
    model.get_buffer("features.1.running_var")[0] = float("nan")
    with pytest.raises(TropnncError, match=r"features\.1\.running_var has NaN"):
        compress(model, images("vgg"))


@pytest.mark.parametrize("ratio", [0, -0.5, 1.01, float("nan"), True, "half"])
def test_ratios_out_of_range(ratio: Any) -> None:
    assert _message(ratio=ratio) == f"ratio {ratio!r} is out of range, accepted are 0 < ratio <= 1"


@pytest.mark.parametrize(
    ("options", "given", "accepted"),
    [
        ({"method": "tropnc"}, "'tropnc'", method_names()),
        ({"scope": "convs"}, "'convs'", ["all", "linear", "conv"]),
        ({"scope": ["conv3"]}, "'conv3'", ["conv1", "conv2", "fc1"]),
        ({"order": "reversed"}, "'reversed'", ["original", "sequential"]),
        ({"allocator": "even"}, "'even'", ["uniform"]),
    ],
)
def test_unknown_names_come_with_those_that_exist(
    options: dict[str, Any], given: str, accepted: Sequence[str]
) -> None:
    message = _message(**options)
    assert given in message
    assert all(name in message for name in accepted)


@pytest.mark.parametrize(
    ("option", "accepted"),
    [
        ("features", ["incoming", "path", "direction"]),
        ("incoming", ["mean", "rank1"]),
        ("outgoing", ["mean", "sum", "projection", "least_squares"]),
        ("balance", ["none", "equalised"]),
    ],
)
def test_unknown_values_come_with_those_that_exist(option: str, accepted: list[str]) -> None:
    with pytest.raises(TropnncError, match=option) as caught:
        make_method("tropnnc", **{option: "median"})
    assert all(name in str(caught.value) for name in accepted)


def test_a_layer_left_alone_cannot_be_asked_for() -> None:
    message = _message(scope=["conv1", "fc2"])
    assert "fc2" in message
    assert "returned by the model" in message


def test_a_scope_without_units() -> None:
    with pytest.raises(TropnncError, match="no unit in scope 'conv'"):
        compress(build("mlp"), images("mlp"), scope="conv")


def test_a_network_without_units_says_why() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 2))
    with pytest.raises(TropnncError, match=r"no unit .*1: feeds .*Tanh"):
        compress(model, images("mlp"))
    assert [item.name for item in inspect(model, images("mlp")).left_alone] == ["1", "3"]


class Wide:
    """An allocator that asks for widths that do not exist."""

    version = 1

    def __init__(self, width: int) -> None:
        self.width = width

    def prepare(self, sites: Sequence[Any], read: Any) -> Sequence[Any]:
        return sites

    def widths(self, state: Sequence[Any], ratio: float) -> Mapping[str, int]:
        return {site.producer: self.width for site in state}


@pytest.mark.parametrize("width", [0, 7])
def test_widths_out_of_range(width: int) -> None:
    message = _message(allocator=Wide(width))
    assert message == f"conv1: k = {width} is out of range, accepted are 1 to 6"


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return self.layer(x)
        return x


def test_a_network_that_cannot_be_traced_names_the_line() -> None:
    line = Branching.forward.__code__.co_firstlineno + 1
    with pytest.raises(TropnncError, match=rf"test_errors\.py.*{line}") as caught:
        compress(Branching(), torch.zeros(2, 16))
    assert "\n" not in str(caught.value)


def test_an_example_that_does_not_fit_the_network() -> None:
    with pytest.raises(TropnncError):
        compress(build("lenet5"), torch.zeros(2, 3, 28, 28))


@pytest.mark.parametrize("calibration", [None, torch.zeros(0, 1, 28, 28)])
def test_a_method_that_needs_images(calibration: Tensor | None) -> None:
    assert "thinet needs images" in _message(method="thinet", calibration=calibration)


def test_calibration_that_is_not_finite() -> None:
    calibration = torch.full((4, 1, 28, 28), float("nan"))
    assert _message(method="thinet", calibration=calibration).startswith("calibration has NaN")


def test_a_method_that_is_no_reducer() -> None:
    assert _message(method=3) == "method is a name or a Reducer, not int"


@pytest.mark.parametrize(
    ("neurons", "ratio", "kept"),
    [
        (5, 0.5, 3),
        (2, 0.25, 1),
        (3, 0.5, 2),
        (10, 0.25, 3),
        (10, 0.05, 1),
        (10, 0.01, 1),
        (30, 0.35, 11),
        (7, 1.0, 7),
        (300, 0.1, 30),
    ],
)
def test_half_a_neuron_rounds_up(neurons: int, ratio: float, kept: int) -> None:
    assert kept_neurons(neurons, ratio) == kept
