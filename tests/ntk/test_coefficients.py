"""Gaussian coefficients: quadrature against closed forms, breakpoints found, bounds that hold."""

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from baselines.ntk_lc import Activation, Coefficients, activation, closed_form, coefficients
from baselines.ntk_lc.activations import ABS, COS, ERF, RELU, SIGN, SIN, STEP, leaky_relu
from baselines.ntk_lc.coefficients import hermite_coefficients
from baselines.ntk_lc.feasibility import hermite_parseval_bound
from baselines.ntk_lc.two_threshold import FourThreshold, TwoThreshold
from tropnnc import TropnncError

PAIRS: list[tuple[Activation, Callable[[float], Coefficients]]] = [
    (RELU, closed_form.relu),
    (leaky_relu(0.1), lambda scale: closed_form.leaky_relu(0.1, scale)),
    (ABS, closed_form.absolute),
    (STEP, closed_form.step),
    (SIGN, closed_form.sign),
    (SIN, closed_form.sin),
    (COS, closed_form.cos),
    (ERF, closed_form.erf),
]
scales = st.floats(0.05, 4.0)


def assert_same(found: Coefficients, expected: Coefficients, tolerance: float = 1e-11) -> None:
    assert (found.slope is None) == (expected.slope is None)
    pairs = zip(astuple(found)[:6], astuple(expected)[:6], strict=True)
    assert all(a == pytest.approx(b, rel=tolerance, abs=tolerance) for a, b in pairs)
    assert found.slope == (None if expected.slope is None else pytest.approx(expected.slope))


@pytest.mark.parametrize(("sigma", "closed"), PAIRS, ids=lambda x: getattr(x, "name", ""))
@given(scale=scales)
@settings(max_examples=25, deadline=None)
def test_quadrature_is_the_closed_form(
    sigma: Activation, closed: Callable[[float], Coefficients], scale: float
) -> None:
    assert_same(coefficients(sigma, scale), closed(scale))


def test_relu_by_hand() -> None:
    found = [coefficients(RELU, 1.0)]
    for _ in range(2):
        found.append(coefficients(RELU, found[-1].tau))
    # ntk_lc.md 1.2: the scales of three layers, to the digits printed there.
    assert [round(each.tau, 5) for each in found] == [0.58382, 0.34085, 0.19899]
    assert found[0].d1 == pytest.approx(0.5, abs=1e-14)
    assert found[0].d3 == pytest.approx(1 - 1 / np.pi, abs=1e-13)
    assert [round(each.d2, 5) for each in found[:2]] == [0.39894, 0.68333]


@given(
    a=st.floats(0.1, 3.0),
    low=st.floats(-3.0, 2.0),
    width=st.floats(0.05, 3.0),
    scale=st.floats(0.2, 2.0),
)
@settings(max_examples=25, deadline=None)
def test_two_thresholds_in_closed_form(a: float, low: float, width: float, scale: float) -> None:
    sigma = TwoThreshold(a, low * scale, (low + width) * scale)
    assert_same(sigma.coefficients(scale), coefficients(sigma.activation, scale))
    assert sigma.coefficients(scale).d3 == pytest.approx(
        (a - 2 * sigma.coefficients(scale).mean) * sigma.coefficients(scale).d2
    )


def test_four_thresholds_in_closed_form_and_as_the_specification_has_them() -> None:
    # ntk_lc.md 1.4: the third ReLU layer without τ, b1 ≠ b2; printed to three digits.
    sigma = FourThreshold(1.776, 0.405, -0.407, -0.061, 0.790, 1.136)
    found, target = sigma.coefficients(0.677344), coefficients(RELU, 0.34084506)
    assert_same(found, coefficients(sigma.activation, 0.677344))
    assert found.tau == pytest.approx(0.73, abs=5e-3)
    assert found.d1**2 == pytest.approx(target.d1**2, rel=0.02)
    assert found.d2**2 == pytest.approx(target.d2**2, rel=0.02)
    assert found.d3 == pytest.approx(target.d3, rel=0.02)


@pytest.mark.parametrize(
    ("function", "points", "jumps"),
    [
        (F.relu, [0.0], False),
        (torch.sign, [0.0], True),
        (F.hardswish, [-3.0, 3.0], False),
        (lambda t: t.clamp(-0.7, 1.3), [-0.7, 1.3], False),
        (lambda t: ((t < -0.7) | (t > 1.3)).to(t.dtype), [-0.7, 1.3], True),
        (F.gelu, [], False),
        (lambda t: torch.cos(3 * t), [], False),
    ],
)
def test_breakpoints_are_found(
    function: Callable[[Tensor], Tensor], points: list[float], jumps: bool
) -> None:
    found = activation("found", function)
    assert found.breakpoints == pytest.approx(points, abs=1e-7)
    assert found.jumps == jumps


def test_found_breakpoints_are_as_good_as_declared_ones() -> None:
    sigma = TwoThreshold(1.3, -0.7, 1.3)
    found = activation("found", sigma.function)
    assert_same(coefficients(found, 0.8), sigma.coefficients(0.8))
    assert_same(coefficients(activation("relu", F.relu), 0.8), closed_form.relu(0.8))


@given(scale=scales, index=st.integers(0, len(PAIRS) - 1))
@settings(max_examples=25, deadline=None)
def test_no_activation_is_below_the_parseval_bound(scale: float, index: int) -> None:
    found = PAIRS[index][1](scale)
    assert found.tau >= hermite_parseval_bound(found.d1, found.d2, scale) - 1e-12


def test_hermite_series_sums_to_the_second_moment() -> None:
    series, second = hermite_coefficients(ERF, 0.0, np.array([0.4, 1.0]), 60)
    assert second == pytest.approx([closed_form.erf(s).tau ** 2 for s in (0.4, 1.0)])
    assert (series**2).sum(axis=1) == pytest.approx(second, rel=1e-9)


def test_a_scale_that_is_none() -> None:
    with pytest.raises(TropnncError, match="positive numbers are"):
        coefficients(RELU, 0.0)
