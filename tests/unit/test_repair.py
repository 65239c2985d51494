"""Analytic repair: exact where its model is, and the same as rewriting the batch norm behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.networks import build, images
from tests.units import make_unit
from tropnnc import Unit, compress
from tropnnc.composition import composed
from tropnnc.composition.gaussian import Gaussian
from tropnnc.composition.moments import LinearMoments
from tropnnc.composition.repair import Analytic
from tropnnc.graph import discover
from tropnnc.reduction import select
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, BatchNorm

EPS = 1e-12


def normed(width: int, mean: Tensor, variance: Tensor, bias: float = 0.0) -> nn.BatchNorm1d:
    """A batch norm with these statistics, γ of either sign, β random around ``bias``."""
    behind = nn.BatchNorm1d(width, eps=EPS).double()
    behind.weight.data, behind.bias.data = torch.randn(width).double(), torch.randn(width).double()
    behind.bias.data += bias
    behind.running_mean, behind.running_var = mean.clone(), variance.clone()
    return behind


def law_behind(layers: nn.Sequential, mean: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
    """Law of affine ``layers`` of ``mean + root·N(0, I)``, ``root [width, ·]``."""
    with torch.no_grad():
        centre = layers(mean[None])[0]
        columns = layers(mean + root.T) - centre
    return centre, columns.T


class Branch(nn.Sequential):
    """Linear, batch norm with exact statistics for white inputs, and a ReLU that is never zero."""

    def __init__(self, inputs: int, width: int) -> None:
        layer = nn.Linear(inputs, width).double()
        variance = layer.weight.detach().square().sum(dim=1)
        super().__init__(layer, normed(width, layer.bias.detach(), variance, 40.0), nn.ReLU())
        self.eval()


class Joined(nn.Module):
    """Branches on their own parts of the input; one layer with batch norm reads them all."""

    def __init__(self, widths: list[int], bias: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(Branch(5, width) for width in widths)
        self.join = nn.Linear(sum(widths), 4, bias=bias).double()
        self.norm = nn.Identity()
        mean, root = law_behind(
            nn.Sequential(self), torch.zeros(5 * len(widths)).double(), self.root
        )
        self.norm = normed(4, mean, root.square().sum(dim=1))
        self.eval()

    @property
    def root(self) -> Tensor:
        return torch.eye(5 * len(self.branches)).double()

    def forward(self, x: Tensor) -> Tensor:
        hidden = [branch(x[:, 5 * i : 5 * i + 5]) for i, branch in enumerate(self.branches)]
        return self.norm(self.join(torch.cat(hidden, 1) if len(hidden) > 1 else hidden[0]))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [[12], [12, 7]])
@pytest.mark.parametrize("compensate", ["none", "scalar", "mix"])
def test_it_is_exact_on_a_linear_gaussian_network(
    compensate: str, widths: list[int], bias: bool
) -> None:
    """Behind the repaired batch norm stand mean β and variance γ², but for what the limits cut off.

    With two branches one of them is reduced, the other part of the variance.
    """
    torch.manual_seed(1)
    model = Joined(widths, bias)
    broken, fixed = (
        compress(
            model,
            torch.zeros(2, 5 * len(widths)).double(),
            composed(compensate=compensate, repair=repair),  # type: ignore[arg-type]
            0.4,
            scope=["branches.0.0"],
        )[0]
        for repair in ("none", "analytic")
    )
    assert isinstance(model.norm, nn.BatchNorm1d)
    zeros, wanted = torch.zeros(5 * len(widths)).double(), model.norm.weight.detach().square()
    wrong, root = law_behind(nn.Sequential(broken), zeros, model.root)
    lost = root.square().sum(dim=1) / wanted
    beyond = lost / lost.clamp(0.05, 1.5)
    assert not torch.allclose(wrong, model.norm.bias, atol=1e-3)
    assert ((beyond == 1) & ((lost - 1).abs() > 0.01)).any()
    mean, root = law_behind(nn.Sequential(fixed), zeros, model.root)
    torch.testing.assert_close(mean, model.norm.bias.detach(), rtol=0, atol=1e-6)
    torch.testing.assert_close(root.square().sum(dim=1), wanted * beyond, rtol=1e-6, atol=0)
    for name in ("weight", "bias", "running_var"):
        kept, before = getattr(fixed.get_submodule("norm"), name), getattr(model.norm, name)
        assert torch.equal(kept, before)


def test_it_is_the_batch_norm_rewritten_as_in_theory() -> None:
    """Convolutions: running variance times f, running mean plus δ, by loops over taps."""
    model, inputs = build("resnet").double(), images("resnet").double()
    name = "block2.conv1"
    plain, repaired = (
        compress(model, inputs, composed(repair=repair), 0.5, scope=[name])[0]
        for repair in ("none", "analytic")
    )
    site = next(s for s in discover(model, inputs).sites if s.producer == name)
    unit = read_unit(model, site)
    moments = Gaussian().moments(unit)
    producer = plain.get_submodule(name)
    assert isinstance(producer, nn.Conv2d)
    kept = [
        int(np.abs(unit.filters - row.numpy()).sum(axis=1).argmin())
        for row in producer.weight.detach().flatten(1)
    ]
    before = unit.consumers[0].outgoing
    after = plain.get_parameter("block2.conv2.weight").detach().flatten(2).numpy()

    def statistics(columns: Array, chosen: list[int]) -> tuple[Array, Array]:
        mean, gram = moments.mean[chosen], moments.gram[np.ix_(chosen, chosen)]
        covariance = gram - np.outer(mean, mean)
        taps = range(columns.shape[2])
        variance = [sum(c[:, p] @ covariance @ c[:, p] for p in taps) for c in columns]
        return np.array([sum(c[:, p] @ mean for p in taps) for c in columns]), np.array(variance)

    old, new = statistics(before, list(range(12))), statistics(after, kept)
    behind = plain.get_submodule("block2.bn2")
    assert isinstance(behind, nn.BatchNorm2d)
    factor = np.clip(new[1] / old[1], 0.05, 1.5)
    assert (factor < 0.9).any()
    behind.running_mean = behind.get_buffer("running_mean") + torch.from_numpy(new[0] - old[0])
    behind.running_var = behind.get_buffer("running_var") * torch.from_numpy(factor)
    torch.testing.assert_close(repaired(inputs), plain(inputs), rtol=1e-9, atol=1e-9)


def _unit(batch_norm: BatchNorm | None) -> tuple[Unit, LinearMoments]:
    rng = np.random.default_rng(0)
    unit = make_unit("linear", rng, 6)
    consumer = replace(unit.consumers[0], batch_norm=batch_norm)
    root = rng.normal(size=(6, 6))
    return replace(unit, consumers=(consumer,)), LinearMoments(root @ root.T, np.zeros(6))


@pytest.mark.parametrize(("multiple", "factor"), [(0.0, 0.05), (3.0, 1.5), (0.5, 0.25)])
def test_the_factor_is_clipped(multiple: float, factor: float) -> None:
    ones = np.ones(4)
    unit, moments = _unit(BatchNorm(ones, ones, 2 * ones, 5 * ones, 0.5))
    rows = select(unit, np.arange(6), np.full(6, multiple))
    repaired = Analytic().fit(unit, moments, rows)
    assert repaired.row_scale is not None
    assert repaired.offset is not None
    scale = np.sqrt(5.5 / (5 * factor + 0.5))
    np.testing.assert_allclose(repaired.row_scale[0], scale)
    np.testing.assert_allclose(repaired.offset[0], 2 - 2 * scale)


def test_without_batch_norm_the_mean_alone_is_put_right() -> None:
    unit, moments = _unit(None)
    moments = replace(moments, mean=np.arange(6) / 6, gram=moments.gram + 1)
    rows = select(unit, np.array([1, 3]), np.array([2.0, 1.0]))
    repaired = Analytic().fit(unit, moments, rows)
    assert repaired.row_scale is None
    assert repaired.offset is not None
    outgoing = unit.consumers[0].outgoing[:, :, 0]
    lost = outgoing @ moments.mean - outgoing[:, [1, 3]] @ np.array([2 / 6, 3 / 6])
    np.testing.assert_allclose(repaired.offset[0], lost)
    # An intercept of the fit is that shift already: it is replaced, not added to.
    again = Analytic().fit(unit, moments, replace(rows, offset=(lost,)))
    assert again.offset is not None
    np.testing.assert_allclose(again.offset[0], lost)
