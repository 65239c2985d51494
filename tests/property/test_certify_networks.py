"""Which networks have a certificate, what it says of them, and why others have none."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.contract.methods import make
from tests.networks import build, images
from tests.property.certifying import certified, compressed, largest_gap
from tropnnc import TropnncError, certify, compress


def test_training_mode_and_weights_are_left_as_they_are() -> None:
    dense, small, report = compressed("tropnnc", "vgg")
    dense.train()
    state = copy.deepcopy(dense.state_dict())
    bound = certified("vgg", dense, small, 1.0, report).bound
    assert dense.training
    assert all(torch.equal(state[name], tensor) for name, tensor in dense.state_dict().items())
    assert bound == certified("vgg", dense.eval(), small, 1.0, report).bound


def test_the_table_names_every_unit() -> None:
    dense, small, report = compressed("tropnnc", "resnet")
    certificate = certified("resnet", dense, small, 2.0, report)
    lines = str(certificate).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["block1.conv1", "block2.conv1"]
    assert "8 → 4" in lines[1]
    assert lines[-1] == f"network bound: {certificate.bound:.4g} for inputs of norm up to 2"
    shares = sum(unit.share for unit in certificate.units) + certificate.rest
    assert shares == pytest.approx(certificate.bound)
    assert "mix" not in str(report)
    assert "mix" not in repr(report)


class OptionA(nn.Module):
    """A residual block whose shortcut drops pixels and pads channels."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Conv2d(2, 6, 3, 2, 1), nn.Conv2d(6, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x).relu()) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1))


def test_a_shortcut_without_parameters_is_passed() -> None:
    torch.manual_seed(0)
    model, example = OptionA().double(), torch.zeros(2, 2, 6, 6).double()
    small, report = compress(model, example, make("tropnnc"), 0.5)
    gap = largest_gap(model, small, (2, 6, 6), 3.0)
    assert 0 < gap <= certify(model, small, example, 3.0, report).bound < 20 * gap


class Unsupported(nn.Module):
    """A network whose output is changed by something that no bound passes."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 4)
        self.act, self.kind = nn.Sigmoid(), kind

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        out = self.second(self.first(x).relu())
        return {
            "slice": lambda: out[:1],
            "ones": lambda: F.pad(out, (1, 1), value=1.0),
            "sigmoid": lambda: self.act(out),
            "product": lambda: out * out,
            "constant": lambda: out + 1.0,
            "broadcast": lambda: out + out.mean(1, keepdim=True),
            "tuple": lambda: (out, x),
            "batch": lambda: out.reshape(-1),
        }[self.kind]()


REASONS = {
    "slice": "no certificate passes the function getitem",
    "ones": "no certificate passes the function pad",
    "sigmoid": r"no certificate passes Sigmoid act \(act\)",
    "product": r"no certificate passes the function mul \(mul\)",
    "constant": "add: accepted are sums of two tensors of the same shape",
    "broadcast": "add: accepted are sums of two tensors of the same shape",
    "tuple": "more than one tensor",
    "batch": r"reshape reshapes the batch; accepted is flatten\(1\)",
}


@pytest.mark.parametrize("kind", REASONS)
def test_what_is_not_supported_is_named_in_one_line(kind: str) -> None:
    model = Unsupported(kind)
    with pytest.raises(TropnncError, match=REASONS[kind]) as raised:
        certify(model, model, torch.zeros(2, 4), 1.0)
    assert "\n" not in str(raised.value)


def test_networks_that_do_not_belong_together_are_named() -> None:
    dense, small, report = compressed("tropnnc", "mlp")
    example = images("mlp", 1).double()
    with pytest.raises(TropnncError, match="compute different graphs"):
        certify(dense, build("binary").double(), example, 1.0)
    wider, narrow = nn.Sequential(nn.Linear(4, 3)), nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(TropnncError, match=r"0 has 2 × 4 channels .* expected 3 × 4"):
        certify(wider, narrow, torch.zeros(1, 4), 1.0)
    other = replace(report, mixes={"1": report.mixes["3"]})
    with pytest.raises(TropnncError, match="the report mixes 5 of 9 neurons"):
        certify(dense, small, example, 1.0, other)


@pytest.mark.parametrize("radius", [-1.0, float("nan"), float("inf")])
def test_a_radius_out_of_range_is_one_line(radius: float) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(TropnncError) as raised:
        certify(model, model, torch.zeros(1, 4), radius)
    said = f"radius {radius} is out of range, accepted are finite radii >= 0"
    assert str(raised.value) == said
