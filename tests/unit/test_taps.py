"""Fits of every tap against transcriptions of theory.md 5.2 on whole forward passes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests import networks
from tests.networks import Block, ResNet
from tests.units import STRIDED
from tropnnc import TropnncError, compress
from tropnnc.composition import composed, sequential_ls, synthetic_ls
from tropnnc.composition.regression import Regression
from tropnnc.protocols import Reducer
from tropnnc.unit import ConvGeometry

FEW: dict[str, Any] = {"count": 12, "steps": 2}


# Of stride 1, which need no im2col; the last kernel is taller than the maps that come out.
SLIDING = [
    ConvGeometry((1, 1), (1, 1), (0, 0, 0, 0), (1, 1), "zeros"),
    ConvGeometry((3, 3), (1, 1), (1, 1, 1, 1), (1, 1), "zeros"),
    ConvGeometry((2, 4), (1, 1), (2, 0, 0, 1), (1, 1), "reflect"),
    ConvGeometry((7, 2), (1, 1), (0, 0, 0, 0), (1, 1), "zeros"),
]


@pytest.mark.parametrize("geometry", [None, STRIDED, *SLIDING])
@given(seed=st.integers(0, 1000), ridge=st.sampled_from([1e-6, 1e-2, 1.0]))
@settings(max_examples=25, deadline=None)
def test_a_regression_is_dense_least_squares(
    geometry: ConvGeometry | None, seed: int, ridge: float
) -> None:
    """Rows of the ridge below those of the data; the intercept has none."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(5, 2, 9, 8, generator=draw, dtype=torch.float64) + 1
    if geometry is None:
        x = x.reshape(5 * 16, 9)
        design, target = x, torch.randn(80, 3, generator=draw, dtype=torch.float64)
        lacking = target
    else:
        # torch's own convolution by every basis vector is its im2col.
        mode = geometry.padding_mode.replace("zeros", "constant")
        padded, inputs = F.pad(x, geometry.padding, mode), 2 * prod(geometry.kernel_size)
        basis = torch.eye(inputs, dtype=x.dtype).reshape(inputs, 2, *geometry.kernel_size)
        maps = F.conv2d(padded, basis, None, geometry.stride, 0, geometry.dilation)
        lacking = torch.randn(5, 3, *maps.shape[2:], generator=draw, dtype=torch.float64)
        design, target = (t.movedim(1, -1).flatten(0, -2) for t in (maps, lacking))
    regression = Regression(design.shape[1], 3, geometry)
    for some, theirs in zip(x.split(2), lacking.split(2), strict=True):
        regression.add(some, theirs)
    weights, intercept = regression.solve(ridge)
    damping = (ridge * design.square().sum(0).mean()).sqrt()
    rows = torch.cat([design, damping * torch.eye(design.shape[1], dtype=x.dtype)])
    ones = torch.cat([torch.ones(len(design)), torch.zeros(design.shape[1])]).to(x)
    rows = torch.cat([rows, ones[:, None]], dim=1)
    zeros = torch.zeros(design.shape[1], 3, dtype=target.dtype)
    expected = np.linalg.lstsq(rows.numpy(), torch.cat([target, zeros]).numpy())[0].T
    np.testing.assert_allclose(weights, expected[:, :-1], atol=1e-9)
    np.testing.assert_allclose(intercept, expected[:, -1], atol=1e-9)


def im2col(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """``[q, rows]``."""
    size, dilation, padding, stride = (
        layer.kernel_size, layer.dilation, layer.padding, layer.stride,
    )  # fmt: skip
    assert not isinstance(padding, str)
    return F.unfold(x, size, dilation, padding, stride).transpose(0, 1).flatten(1)


def flat(maps: Tensor) -> Tensor:
    return maps.transpose(0, 1).flatten(1)


def fitted(design: Tensor, lacking: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Change of weights and intercept, the intercept penalised next to nothing."""
    rows = torch.cat([design, torch.ones(1, design.shape[1], dtype=design.dtype)])
    normal = rows @ rows.T
    penalty = (ridge * normal.diagonal()[:-1].mean()).repeat(len(rows))
    penalty[-1] = 0
    answer = torch.linalg.solve(normal + penalty.diag(), rows @ lacking.T).T
    return answer[:, :-1], answer[:, -1]


def shift_mean(norm: nn.BatchNorm2d, intercept: Tensor) -> None:
    norm.running_mean = norm.get_buffer("running_mean") - intercept


def narrowed(layer: nn.Conv2d, norm: nn.BatchNorm2d, kept: Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight[kept])
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[kept]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, norm.get_buffer(name)[kept])


def transcribe(
    dense: Block, small: Block, x: Tensor, now: Tensor, shortcut: bool
) -> tuple[Tensor, Tensor]:
    """Half the inner channels of a block, largest raw filters, as theory.md says; its outputs."""
    n = dense.conv1.out_channels
    norms = dense.conv1.weight.abs().flatten(1).sum(1)
    kept = norms.topk(n // 2).indices.sort().values
    narrowed(small.conv1, small.bn1, kept)
    raw = dense.conv1(x)
    missing = flat(raw[:, kept] - small.conv1(now))
    if missing.any():  # (b)
        change, intercept = fitted(im2col(small.conv1, now), missing, 1e-2)
        small.conv1.weight = nn.Parameter(small.conv1.weight + change.view_as(small.conv1.weight))
        shift_mean(small.bn1, intercept)
    h = F.relu(dense.bn1(raw))
    new = F.relu(small.bn1(small.conv1(now)))
    gram = flat(h) @ flat(h).T / flat(h).shape[1]
    inner = gram[kept][:, kept]
    ridged = inner + 1e-3 * inner.diagonal().mean() * torch.eye(len(kept), dtype=inner.dtype)
    mix = torch.linalg.solve(ridged, gram[kept]).T
    start = torch.einsum("onij,nk->okij", dense.conv2.weight, mix)
    small.conv2.weight = nn.Parameter(start)
    target = dense.conv2(h)
    if shortcut:
        norm = dense.bn2
        factor = (norm.get_buffer("running_var") + norm.eps).sqrt() / norm.weight
        lost = dense.shortcut(x) - small.shortcut(now)
        target = target + lost * factor.view(-1, 1, 1)
    change, intercept = fitted(
        im2col(small.conv2, new), flat(target - small.conv2(new)), 1e-3
    )  # (c)
    small.conv2.weight = nn.Parameter(start + change.view_as(start))
    shift_mean(small.bn2, intercept)
    return dense(x), small(now)


@pytest.mark.parametrize("shortcut", [True, False])
@torch.no_grad()
def test_a_residual_network_is_fitted_as_theory_says(shortcut: bool) -> None:
    model = networks.build("resnet").double()
    assert isinstance(model, ResNet)
    images = networks.images("resnet", 30).double()
    method = composed("l1", "images", "taps", "none", shortcut=shortcut)
    small, _ = compress(model, images[:2], method, 0.5, calibration=images)
    expected = copy.deepcopy(model)
    x = now = F.relu(model.norm(model.stem(images)))
    for name in ("block1", "block2"):
        x, now = transcribe(getattr(model, name), getattr(expected, name), x, now, shortcut)
    fresh = networks.images("resnet", 6, seed=9).double()
    assert torch.allclose(small(fresh), expected(fresh), atol=1e-8)
    state = small.state_dict()
    for key, value in expected.state_dict().items():
        assert torch.allclose(state[key], value, atol=1e-8), key


@dataclass
class Half:
    """Half of the units named, all neurons of the others."""

    named: tuple[str, ...]
    version: int = 1

    def prepare(self, sites: Sequence[Any], read: object) -> Sequence[Any]:
        return sites

    def widths(self, state: Sequence[Any], ratio: float) -> Mapping[str, int]:
        return {s.producer: s.neurons // (2 if s.producer in self.named else 1) for s in state}


@pytest.mark.parametrize(
    ("name", "last"), [("resnet", "block2.conv1"), ("lenet5", "fc1"), ("vgg", "classifier.0")]
)
def test_units_at_full_width_are_the_dense_ones_to_rounding(name: str, last: str) -> None:
    """Every unit before the last is fitted too, and has nothing to make up for."""
    model = networks.build(name).double()
    images = networks.images(name, 40).double()
    small, _ = compress(
        model, images[:2], sequential_ls(), allocator=Half((last,)), calibration=images
    )
    state, changed = small.state_dict(), []
    for key, value in model.state_dict().items():
        same = value.shape == state[key].shape and torch.allclose(value, state[key], atol=1e-9)
        changed += [] if same else [key.rpartition(".")[0]]
    assert last in changed
    order = [key.rpartition(".")[0] for key in model.state_dict()]
    assert min(map(order.index, changed)) == order.index(last)


def redundant(rank: int) -> nn.Sequential:
    """A first layer of ``rank`` neurons, their positive multiples, and dead ones."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 12, 3), nn.ReLU(), nn.Conv2d(12, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(6 * 16, 3),
    ).double()  # fmt: skip
    with torch.no_grad():
        first = model.get_submodule("0")
        assert isinstance(first, nn.Conv2d)
        assert first.bias is not None
        for i in range(rank, 10):
            first.weight[i] = (0.3 + i / 5) * first.weight[i % rank]
            first.bias[i] = (0.3 + i / 5) * first.bias[i % rank]
        first.bias[10:] = -100.0
    return model


@pytest.mark.parametrize(("ridge", "error"), [(1e-3, 1e-2), (1e-9, 1e-5)])
def test_a_redundant_unit_compresses_to_the_rank_of_its_activations(
    ridge: float, error: float
) -> None:
    model, draw = redundant(rank=4), torch.Generator().manual_seed(1)
    images = torch.randn(50, 2, 8, 8, generator=draw, dtype=torch.float64)
    method = sequential_ls(ridge=ridge, refit_ridge=ridge)
    small, report = compress(model, images[:2], method, 4 / 12, scope=["0"], calibration=images)
    assert [row.kept for row in report.units] == [4]
    fresh = torch.randn(20, 2, 8, 8, generator=draw, dtype=torch.float64)
    dense = model(fresh)
    assert (small(fresh) - dense).norm() < error * dense.norm()


def test_dependent_activations_in_float32_are_told_apart_by_a_ridge_next_to_nothing() -> None:
    """Twice as many neurons as their rank: products in float32 gave an indefinite matrix."""
    model, draw = redundant(rank=4).float(), torch.Generator().manual_seed(1)
    images = torch.randn(50, 2, 8, 8, generator=draw)
    method = sequential_ls(ridge=1e-9, refit_ridge=1e-9)
    small, _ = compress(model, images[:2], method, 8 / 12, scope=["0"], calibration=images)
    dense = model(images)
    assert (small(images) - dense).norm() < 1e-4 * dense.norm()


@pytest.mark.parametrize("name", list(networks.ZOO))
def test_fits_come_nearer_than_the_mixing_matrix(name: str) -> None:
    """On the images of the fit, at every unit's width halved."""
    model, images = networks.build(name), networks.images(name, 60)
    dense, errors = model(images), []
    for compensate in ("mix", "taps"):
        method = composed("greedy", "images", compensate, "none")
        small, _ = compress(model, images[:2], method, 0.5, calibration=images)
        errors.append((small(images) - dense).norm().item())
    assert errors[1] < errors[0]


@pytest.mark.parametrize(("front_end", "slack"), [("greedy", 0.0), ("tropnnc", 2e-3)])
@pytest.mark.parametrize("name", ["mlp", "lenet5", "vgg", "resnet"])
def test_a_second_pass_over_the_units_is_no_step_back(
    name: str, front_end: str, slack: float
) -> None:
    """On the images of the fit, at every unit's width halved; one pass is the default's bits.

    A fit lowers its own layer's error, and nothing makes the network's follow: merged rows are
    drawn towards averages that need not be the best rows.
    """
    model, images = networks.build(name), networks.images(name, 60)
    dense, errors, states = model(images), [], []
    once = composed(front_end, "images", "taps", "none")
    passes = [composed(front_end, "images", "taps", "none", passes=p) for p in (1, 2)]
    for method in (once, *passes):
        small, _ = compress(model, images[:2], method, 0.5, calibration=images)
        errors.append((small(images) - dense).norm().item())
        states.append(small.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert errors[2] <= (1 + slack) * errors[1]


class Untouchable:
    """Images that nobody may look at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"{name} of an image was asked for")


@pytest.mark.parametrize("name", ["resnet", "lenet5"])
def test_the_image_free_methods_look_at_no_image(name: str) -> None:
    model, example = networks.build(name), networks.images(name, 2)
    loader: Any = Untouchable()
    for method in (
        synthetic_ls(**FEW),
        composed("tropnnc", "synthetic", "taps", "differential", **FEW),
    ):
        small, _ = compress(model, example, method, 0.5, calibration=loader)
        assert not torch.equal(small(example), model(example))


@pytest.mark.parametrize("method", [sequential_ls(), synthetic_ls(**FEW)])
def test_in_original_order_a_fit_is_refused_before_anything_is_made(method: Reducer) -> None:
    model, images = networks.build("mlp"), networks.images("mlp")
    with pytest.raises(TropnncError, match="1: a fit of every tap works in sequential order only"):
        compress(model, images, method, 0.5, order="original", calibration=images)
