"""Moments of rectified normals against quadrature, closed forms and Monte Carlo."""

from __future__ import annotations

from itertools import pairwise
from math import erfc, exp, inf, isinf, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from tropnnc.composition.normal import Normal, activated_cross, activated_gram, activated_mean
from tropnnc.composition.rectified import Rectified, product_moments
from tropnnc.unit import Array

MEANS = st.floats(-4, 4) | st.floats(-0.01, 0.01)
STDS = st.floats(0.05, 3)
NEAR_ONE = st.floats(-8, -1).map(lambda e: 1 - 10**e)
CORRELATIONS = st.floats(-1, 1) | NEAR_ONE | NEAR_ONE.map(lambda r: -r)
CAPS = st.just(inf) | st.floats(0.3, 6)


def density(x: float) -> float:
    return exp(-x * x / 2) / sqrt(2 * pi)


def above(x: float) -> float:
    """``P(N(0, 1) > x)``."""
    return erfc(x / sqrt(2)) / 2


def clipped(z: float, cap: float) -> float:
    return min(max(z, 0.0), cap)


def expected(mean: float, std: float, cap: float) -> float:
    """``E min(max(z, 0), cap)`` as ``∫_0^cap P(z > t) dt``, in closed form by parts."""
    if std == 0:
        return clipped(mean, cap)

    def antiderivative(t: float) -> float:
        u = (t - mean) / std
        return std * (u * above(u) - density(u))

    return (0.0 if isinf(cap) else antiderivative(cap)) - antiderivative(0.0)


def integrated(mean: Array, std: Array, correlation: float, cap: float) -> float:
    """Outer quadrature over ``z_1``, split at kinks and where the inner mean crosses one."""
    slope, left = correlation * std[1], sqrt(max(1 - correlation**2, 0)) * std[1]

    def integrand(x: float) -> float:
        inner = expected(mean[1] + slope * x, left, cap)
        return clipped(mean[0] + std[0] * x, cap) * density(x) * inner

    kinks = (0.0,) if isinf(cap) else (0.0, cap)
    splits = [(kink - mean[0]) / std[0] for kink in kinks]
    # A flatter inner mean moves by less than its own rounding over the whole interval.
    if abs(slope) > 1e-15 * left:
        around = left / abs(slope)
        crossings = [(kink - mean[1]) / slope for kink in kinks]
        splits += [c + d * around for c in crossings for d in (-6, -1, 0, 1, 6)]
    places = [-12.0, *sorted(s for s in splits if -12 < s < 12), 12.0]
    return sum(
        quad(integrand, a, b, epsabs=1e-12, epsrel=1e-10)[0] for a, b in pairwise(places) if b > a
    )


def pair(mean: Array, std: Array, correlation: float, cap: float) -> float:
    one, other = (Rectified(mean[i : i + 1], std[i : i + 1], cap) for i in (0, 1))
    covariance = np.array([correlation * std[0] * std[1]])
    return float(product_moments(one, other, covariance)[0])


@settings(max_examples=60, deadline=None)
@given(m1=MEANS, m2=MEANS, s1=STDS, s2=STDS, correlation=CORRELATIONS, cap=CAPS)
def test_the_product_moment_is_the_integral(
    m1: float, m2: float, s1: float, s2: float, correlation: float, cap: float
) -> None:
    mean, std = np.array([m1, m2]), np.array([s1, s2])
    error = pair(mean, std, correlation, cap) - integrated(mean, std, correlation, cap)
    assert abs(error) < 2e-7 * s1 * s2


@pytest.mark.parametrize("correlation", [-1.0, 1.0, -0.9999, 0.9999, -0.6, 0.6])
def test_nothing_happens_at_the_kink(correlation: float) -> None:
    """Means on a fine grid across it: errors stay below 1e-6 everywhere."""
    for m in np.linspace(-0.02, 0.02, 9):
        mean, std = np.array([m, 0.01]), np.array([1.0, 0.7])
        found, truth = (f(mean, std, correlation, inf) for f in (pair, integrated))
        assert found == pytest.approx(truth, abs=1e-7)


@given(angle=st.floats(0, pi), s1=STDS, s2=STDS)
def test_zero_means_give_the_arc_cosine_kernel(angle: float, s1: float, s2: float) -> None:
    kernel = s1 * s2 * (np.sin(angle) + (pi - angle) * np.cos(angle)) / (2 * pi)
    found = pair(np.zeros(2), np.array([s1, s2]), float(np.cos(angle)), inf)
    # Near ±1 the cosine forgets the angle: arccos(1 − ε) = √(2ε), and the kernel is flat there.
    assert found == pytest.approx(kernel, abs=1e-13 * s1 * s2)


@settings(max_examples=40, deadline=None)
@given(mean=MEANS, std=STDS, cap=CAPS)
def test_one_variable_is_in_closed_form(mean: float, std: float, cap: float) -> None:
    variable = Rectified(np.array([mean]), np.array([std]), cap)
    assert variable.first()[0] == pytest.approx(expected(mean, std, cap), abs=1e-12)
    top = max(0.0, min(cap, mean + 12 * std))
    # E f² = ∫ 2t P(z > t) dt.
    square, _ = quad(lambda t: 2 * t * above((t - mean) / std), 0, top, epsabs=1e-12)
    assert variable.second()[0] == pytest.approx(square, abs=1e-9)
    assert variable.slope()[0] == pytest.approx(
        above(-mean / std) - above((min(cap, 1e9) - mean) / std), abs=1e-14
    )


@given(mean=MEANS, std=STDS, factor=st.floats(0.1, 10))
def test_positive_multiples_stay_multiples(mean: float, std: float, factor: float) -> None:
    square = Rectified(np.array([mean]), np.array([std])).second()[0]
    found = pair(np.array([mean, factor * mean]), np.array([std, factor * std]), 1.0, inf)
    assert found == pytest.approx(factor * square, abs=1e-13 * factor)


@pytest.mark.parametrize("cap", [inf, 6.0, 0.7])
def test_a_constant_is_a_constant(cap: float) -> None:
    mean, std = np.array([0.5, 1.0]), np.array([0.0, 2.0])
    assert pair(mean, std, 0.0, cap) == pytest.approx(0.5 * expected(1.0, 2.0, cap), abs=1e-14)
    silent = Rectified(np.array([-1.0, 0.0]), np.zeros(2), cap)
    assert silent.first().tolist() == silent.second().tolist() == [0.0, 0.0]


def _law(seed: int, neurons: int = 6) -> tuple[Normal, Array]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(neurons, 3))
    return Normal(rng.normal(size=neurons), root @ root.T), root


@pytest.mark.parametrize("cap", [inf, 1.2, None])
def test_gram_and_cross_moments_against_monte_carlo(cap: float | None) -> None:
    law, root = _law(3)
    rng = np.random.default_rng(5)
    mixing = rng.dirichlet(np.ones(6), size=2)
    samples = law.mean + rng.normal(size=(200_000, 3)) @ root.T

    def activated(z: Array) -> Array:
        return z if cap is None else np.clip(z, 0, cap)

    def agrees(found: Array, one: Array, other: Array) -> None:
        for index in np.ndindex(found.shape):
            products = one[:, index[0]] * other[:, index[1]]
            error = products.std() / sqrt(len(products))
            assert abs(found[index] - products.mean()) < 3 * error + 1e-12

    h, merged = activated(samples), activated(samples @ mixing.T)
    agrees(activated_gram(law, cap), h, h)
    agrees(activated_cross(law, mixing, cap), h, merged)
    deviation = h.std(axis=0) / sqrt(len(h))
    assert (np.abs(activated_mean(law, cap) - h.mean(axis=0)) < 3 * deviation + 1e-12).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), cap=st.sampled_from([inf, 2.0]))
def test_the_gram_matrix_is_symmetric_and_positive(seed: int, cap: float) -> None:
    law, _ = _law(seed, 12)
    gram = activated_gram(law, cap)
    assert (gram == gram.T).all()
    assert np.linalg.eigvalsh(gram).min() > -1e-7 * np.trace(gram)
    np.testing.assert_array_equal(np.diag(gram), Rectified(law.mean, law.std, cap).second())
