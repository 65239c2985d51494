"""Certified Lipschitz constants against dense matrices, power iteration and extremal inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tropnnc.lipschitz import (
    POINT,
    Torus,
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    expand_groups,
    max_pool,
    operator_norm,
    row_norms,
    spectral_norm,
    torus_for,
)
from tropnnc.lipschitz.convolution import column_norms
from tropnnc.surgery.read import read_geometry
from tropnnc.unit import Array

HEIGHT, WIDTH = 7, 6


def _matrix(layer: Callable[[Tensor], Tensor], channels: int = 1) -> Array:
    """The linear map of ``layer`` on maps ``channels × 7 × 6``, ``[outputs, inputs]``."""
    inputs = channels * HEIGHT * WIDTH
    basis = torch.eye(inputs, dtype=torch.float64).reshape(inputs, channels, HEIGHT, WIDTH)
    with torch.no_grad():
        return layer(basis).flatten(1).T.numpy()


def _conv(seed: int = 0, **options: Any) -> nn.Conv2d:
    torch.manual_seed(seed)
    return nn.Conv2d(4, 6, options.pop("kernel_size", 3), bias=False, **options).double()


def _certified(conv: nn.Conv2d) -> float:
    torus = torus_for(read_geometry(conv), HEIGHT, WIDTH)
    return operator_norm(conv.weight.detach().numpy(), torus, conv.groups)


# The largest factor by which the certified norm exceeds the exact one.
CONVOLUTIONS: list[tuple[dict[str, Any], float]] = [
    ({}, 1.5),
    ({"padding": 1}, 1.2),
    ({"padding": 2}, 1.1),
    ({"padding": 4}, 1.1),
    ({"padding": "same"}, 1.2),
    ({"kernel_size": (2, 5), "padding": (0, 2)}, 1.4),
    ({"stride": 2, "padding": 1}, 2.1),
    ({"stride": (3, 1)}, 2.5),
    ({"dilation": 2, "padding": 2}, 1.3),
    ({"dilation": (1, 2), "stride": (2, 1), "padding": 1}, 2.1),
    ({"groups": 2, "padding": 1}, 1.2),
    ({"kernel_size": 1}, 1 + 1e-9),
    ({"kernel_size": 1, "stride": 2}, 1 + 1e-9),
    ({"padding": 1, "padding_mode": "reflect"}, 2.5),
    ({"padding": 2, "padding_mode": "circular"}, 2.5),
    ({"padding": 1, "padding_mode": "replicate"}, 2.5),
]


@pytest.mark.parametrize(("options", "factor"), CONVOLUTIONS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_convolution_is_dominated_and_not_by_far(
    options: dict[str, Any], factor: float, seed: int
) -> None:
    conv = _conv(seed, **options)
    exact = np.linalg.norm(_matrix(conv, 4), 2)
    assert exact * (1 - 1e-12) <= _certified(conv) <= exact * factor


@pytest.mark.parametrize("options", [options for options, _ in CONVOLUTIONS])
def test_every_channel_is_dominated(options: dict[str, Any]) -> None:
    conv = _conv(**options)
    matrix = _matrix(conv, 4)
    kernel = expand_groups(conv.weight.detach().numpy(), conv.groups)
    torus = torus_for(read_geometry(conv), HEIGHT, WIDTH)
    rows = np.linalg.norm(matrix.reshape(6, -1, matrix.shape[1]), 2, axis=(1, 2))
    columns = np.linalg.norm(matrix.reshape(len(matrix), 4, -1), 2, axis=(0, 2))
    assert (rows <= row_norms(kernel, torus) * (1 + 1e-12)).all()
    assert (columns <= column_norms(kernel, torus) * (1 + 1e-12)).all()
    taps = np.linalg.norm(kernel, axis=0).sum(axis=(1, 2))
    assert (column_norms(kernel, torus) <= torus.gain * taps * (1 + 1e-12)).all()


def test_on_its_own_torus_a_circular_convolution_is_exact() -> None:
    conv = _conv(padding=1, padding_mode="circular")
    exact = np.linalg.norm(_matrix(conv, 4), 2)
    assert operator_norm(conv.weight.detach().numpy(), Torus((HEIGHT, WIDTH))) == pytest.approx(
        exact, rel=1e-12
    )


def test_power_iteration_stays_below() -> None:
    conv = _conv(padding=1)
    matrix = _matrix(conv, 4)
    vector = np.random.default_rng(0).normal(size=matrix.shape[1])
    estimates = []
    for _ in range(30):
        image = matrix @ vector
        estimates.append(np.linalg.norm(image) / np.linalg.norm(vector))
        vector = matrix.T @ image
    assert (np.diff(estimates) > 0).all()
    assert estimates[0] < 0.8 * _certified(conv)
    assert estimates[-1] < _certified(conv)


def test_the_sum_of_taps_is_attained_by_a_constant_kernel() -> None:
    kernel = np.ones((1, 1, 3, 3))
    assert operator_norm(kernel, Torus((9, 8))) == pytest.approx(9)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 6), (6, 1), (0, 3)])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_a_linear_layer_is_exact(shape: tuple[int, int], scale: float) -> None:
    matrix = np.random.default_rng(0).normal(size=shape)
    exact = np.linalg.svd(matrix, compute_uv=False).max(initial=0.0) * scale
    assert spectral_norm(matrix * scale) == pytest.approx(exact, rel=1e-12, abs=0)
    kernel = matrix[:, :, None, None] * scale
    assert operator_norm(kernel, POINT) == pytest.approx(exact, rel=1e-12, abs=0)


AVERAGES: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
    {"kernel_size": (3, 2), "stride": (2, 3), "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
    {"kernel_size": 2, "stride": 1, "divisor_override": 3},
]


def _both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize("options", AVERAGES)
def test_average_pooling_is_exact(options: dict[str, Any]) -> None:
    pool = nn.AvgPool2d(**options)
    certified = avg_pool(
        (HEIGHT, WIDTH),
        _both(pool.kernel_size),
        _both(pool.stride),
        _both(pool.padding),
        pool.ceil_mode,
        pool.count_include_pad,
        pool.divisor_override,
    )
    assert certified == pytest.approx(np.linalg.norm(_matrix(pool), 2), rel=1e-12)


@pytest.mark.parametrize("outputs", [(1, 1), (3, 4), (5, 5), (7, 6)])
def test_adaptive_pooling(outputs: tuple[int, int]) -> None:
    average = np.linalg.norm(_matrix(nn.AdaptiveAvgPool2d(outputs)), 2)
    assert adaptive_avg_pool((HEIGHT, WIDTH), outputs) == pytest.approx(average, rel=1e-12)
    impulses = np.linalg.norm(_matrix(nn.AdaptiveMaxPool2d(outputs)), axis=0).max()
    assert adaptive_max_pool((HEIGHT, WIDTH), outputs) == pytest.approx(impulses)


MAXIMA: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (3, 2), "stride": (1, 2)},
    {"kernel_size": 2, "stride": 1, "dilation": (3, 2)},
    {"kernel_size": 2, "stride": 2, "dilation": 2},
    {"kernel_size": 2, "stride": 2, "dilation": 3},
]


@pytest.mark.parametrize("options", MAXIMA)
def test_the_root_of_the_overlap_is_attained_by_an_impulse_and_never_passed(
    options: dict[str, Any],
) -> None:
    pool = nn.MaxPool2d(**options)
    certified = max_pool(_both(pool.kernel_size), _both(pool.stride), _both(pool.dilation))
    # Zero against an impulse: every window that holds it moves by 1.
    assert np.linalg.norm(_matrix(pool), axis=0).max() == pytest.approx(certified)
    generator = torch.Generator().manual_seed(0)
    x, move = torch.randn(2, 500, 1, HEIGHT, WIDTH, generator=generator).double()
    move = move * torch.logspace(-3, 1, 500)[:, None, None, None]
    change = (pool(x + move) - pool(x)).flatten(1).norm(dim=1) / move.flatten(1).norm(dim=1)
    assert float(change.max()) <= certified
