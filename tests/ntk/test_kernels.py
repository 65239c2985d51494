"""Recursions and equivalents against kernels of wide networks and against exact ones."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from baselines.ntk_lc import Activation, WeightLaw, coefficients, match, ntk_lc, random_features
from baselines.ntk_lc.activations import ABS, COS, ERF, RELU, SIGN, SIN, leaky_relu
from baselines.ntk_lc.equivalent import conjugate_equivalent, hollow_tangent_equivalent
from baselines.ntk_lc.kernels import Kernels, expected_kernels
from baselines.ntk_lc.mixture import Mixture, paper_mixture, statistics
from baselines.ntk_lc.recursion import Tangent, conjugate, tangent
from tropnnc import TropnncError
from tropnnc.unit import Array, IntArray

ACTIVATIONS = [RELU, leaky_relu(0.1), ABS, COS, SIN, ERF, SIGN]


def chain(layers: list[Activation], tau0: float = 1.0) -> list:
    found = []
    for layer in layers:
        found.append(coefficients(layer, found[-1].tau if found else tau0))
    return found


def mixture(n: int, p: int) -> tuple[Mixture, Array, IntArray, float]:
    one = paper_mixture(p)
    labels = np.arange(n) % 2
    points = one.draw(labels, np.random.default_rng(7))
    return one, points, labels, float((points**2).sum(axis=1).mean() ** 0.5)


def norm(matrix: Array) -> float:
    return float(np.linalg.norm(matrix, 2))


@given(st.lists(st.sampled_from(ACTIVATIONS), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_rules_of_the_recursion(layers: list[Activation]) -> None:
    found = conjugate(chain(layers))
    assert found[1].a3 == pytest.approx(2 * found[1].a2, abs=1e-12)
    if any(layer in (ABS, COS) for layer in layers):  # even: no linear part is handed on
        assert found[-1].a1 == pytest.approx(0, abs=1e-20)
    if all(layer in (SIN, ERF, SIGN) for layer in layers):  # odd: nothing but a linear part
        assert (found[-1].a2, found[-1].a3) == pytest.approx((0, 0), abs=1e-20)
    betas = tangent(chain(layers))
    assert betas[-1].b1 >= found[-1].a1 - 1e-15
    assert (betas[-1].diagonal is None) == (SIGN in layers)


def test_recursion_of_two_relu_layers_by_hand() -> None:
    first, second = chain([RELU, RELU])
    one, two = conjugate([first, second])[1:]
    assert (one.a1, one.a4) == pytest.approx((0.25, (1 - 1 / np.pi) / 2))
    assert one.a2 == pytest.approx(1 / (8 * np.pi))
    assert two.a2 == pytest.approx(one.a2 / 4 + second.d2**2 * one.a4**2 / 4)
    assert two.a3 == pytest.approx(one.a3 / 4 + second.d2**2 * one.a1**2 / 2)
    beta = tangent([first, second])
    assert beta[1].b1 == pytest.approx(0.5)  # the input's kernel once more: not a1
    assert beta[1].b3 == pytest.approx(one.a3 + first.d2**2)
    assert beta[1].diagonal == pytest.approx(first.tau**2 + 0.5)
    assert beta[2].b1 == pytest.approx(1 / 16 + 0.5 / 4)


@pytest.mark.parametrize("layers", [[RELU, RELU], [ERF, RELU], [ABS]])
def test_exact_kernels_against_wide_networks(layers: list[Activation]) -> None:
    _, points, _, tau0 = mixture(30, 60)
    means = [each.mean for each in chain(layers, tau0)]
    exact = expected_kernels(points, layers, means).conjugate
    x = torch.from_numpy(points).float()
    widths = [1000] * len(layers)
    drawn = [
        random_features(60, widths, layers, WeightLaw("gaussian"), seed, tau0)(x).double()
        for seed in range(10)
    ]
    sampled = torch.stack([phi @ phi.T for phi in drawn])
    error = sampled.std(dim=0).numpy() / 10**0.5
    # A wide layer is not an infinite one: its kernel's noise bends the next by about 1/width.
    assert (np.abs(sampled.mean(dim=0).numpy() - exact) < 5 * error + 5e-4).all()


def test_ternary_networks_have_the_exact_kernel_of_their_activations() -> None:
    _, points, _, tau0 = mixture(30, 400)
    matches = match([RELU] * 2, tau0)
    sigmas = [each.activation.activation for each in matches]
    exact = expected_kernels(points, sigmas, [each.matched.mean for each in matches]).conjugate
    x = torch.from_numpy(points).float()
    sampled = torch.stack(
        [
            (phi := ntk_lc(400, (1000, 1000), [RELU] * 2, 0.5, seed, tau0)(x).double()) @ phi.T
            for seed in range(10)
        ]
    )
    error = sampled.std(dim=0).numpy() / 10**0.5
    assert (np.abs(sampled.mean(dim=0).numpy() - exact) < 5 * error + 2e-3).all()


def drawn_tangents(points: Array, layers: list[Activation], width: int, draws: int) -> Tensor:
    """NTKs of finite networks, ``[draws, n, n]``: products of gradients by all their weights."""
    generator = torch.Generator().manual_seed(3)
    x, sizes = torch.from_numpy(points), [points.shape[1], *[width] * len(layers)]
    means = [each.mean for each in chain(layers)]
    kernels = []
    for _ in range(draws):
        weights = [
            torch.randn(b, a, generator=generator, dtype=torch.float64, requires_grad=True)
            for a, b in pairwise([*sizes, 1])
        ]
        signal = x
        for matrix, layer, mean in zip(weights, layers, means, strict=False):
            signal = (layer.function(signal @ matrix.T) - mean) / width**0.5
        outputs = (signal @ weights[-1].T).flatten()
        rows = [
            torch.cat([g.flatten() for g in torch.autograd.grad(f, weights, retain_graph=True)])
            for f in outputs
        ]
        jacobian = torch.stack(rows)
        kernels.append(jacobian @ jacobian.T)
    return torch.stack(kernels)


@pytest.mark.parametrize("layers", [[RELU, RELU], [ERF, COS]])
def test_tangent_kernels_against_gradients_of_drawn_networks(layers: list[Activation]) -> None:
    """The corrected recursion: off the diagonal the exact kernel, on it κ²."""
    points = np.random.default_rng(2).normal(size=(5, 12))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    known = chain(layers)
    exact = expected_kernels(points, layers, [each.mean for each in known]).hollow_tangent
    diagonal = tangent(known)[-1].diagonal
    assert diagonal is not None
    np.fill_diagonal(exact, diagonal)
    drawn = drawn_tangents(points, layers, width=200, draws=60)
    error = drawn.std(dim=0).numpy() / 60**0.5
    # A hidden layer of finite width bends the next one's kernel by about 1/width.
    assert (np.abs(drawn.mean(dim=0).numpy() - exact) < 3 * error + 1 / 200).all()
    # Enough to tell: the conjugate kernel's τ² is most of κ² in neither network.
    assert diagonal > 1.5 * known[-1].tau ** 2


def exact_pair(n: int, layers: list[Activation]) -> tuple[Kernels, Kernels, float]:
    """Exact kernels of a network and of its NTK-LC on a mixture, and the shift between them."""
    _, points, _, tau0 = mixture(n, 4 * n)
    matches = match(layers, tau0)
    originals = expected_kernels(points, layers, [each.original.mean for each in matches])
    sigmas = [each.activation.activation for each in matches]
    ternary = expected_kernels(points, sigmas, [each.matched.mean for each in matches])
    return originals, ternary, matches[-1].shift


def test_kernels_agree_asymptotically_up_to_the_shift() -> None:
    errors, tangents = [], []
    for n in (100, 200, 400):
        original, ternary, shift = exact_pair(n, [RELU] * 3)
        difference = ternary.conjugate - original.conjugate - shift * np.eye(n)
        errors.append(norm(difference) / norm(original.conjugate))
        off = ternary.hollow_tangent - original.hollow_tangent
        tangents.append(norm(off) / norm(original.hollow_tangent))
        assert norm(ternary.conjugate - original.conjugate) > 0.9 * shift
    for found in (errors, tangents):
        slope = np.polyfit(np.log([100, 200, 400]), np.log(found), 1)[0]
        assert slope < -0.2
        assert found[-1] < 0.75 * found[0]


@pytest.mark.parametrize("layers", [[RELU] * 2, [ABS] * 2, [leaky_relu(0.1), ERF]])
def test_equivalents_of_slides_and_corrected_recursion(layers: list[Activation]) -> None:
    """The wrong forms (τ₀⁴α₃ subtracted; β as in the preprint) are farther off."""
    relative: list[list[float]] = []
    for n in (125, 500):
        one, points, labels, tau0 = mixture(n, 2 * n)
        known = chain(layers, tau0)
        exact = expected_kernels(points, layers, [each.mean for each in known])
        figures = statistics(one, points, labels)
        alpha, beta = conjugate(known)[-1], tangent(known)[-1]
        theory = conjugate_equivalent(points, figures, alpha, tau0, known[-1].tau)
        hollow = hollow_tangent_equivalent(points, figures, beta)
        relative.append(
            [
                norm(exact.conjugate - theory) / norm(exact.conjugate),
                norm(exact.hollow_tangent - hollow) / norm(exact.hollow_tangent),
            ]
        )
        printed = theory - tau0**4 * alpha.a3 * np.eye(n)
        if n == 500 and alpha.a3 > 0.01:
            assert norm(exact.conjugate - theory) < norm(exact.conjugate - printed)
    assert all(later < 0.75 * first for first, later in zip(*relative, strict=True))


def test_preprint_tangent_is_wrong() -> None:
    one, points, labels, tau0 = mixture(400, 800)
    known = chain([RELU] * 2, tau0)
    exact = expected_kernels(points, [RELU] * 2, [each.mean for each in known]).hollow_tangent
    figures = statistics(one, points, labels)
    right = hollow_tangent_equivalent(points, figures, tangent(known)[-1])
    last = conjugate(known)[-1]
    preprint = hollow_tangent_equivalent(points, figures, Tangent(last.a1, last.a2, last.a3, None))
    assert norm(exact - right) < 0.3 * norm(exact - preprint)


def test_close_points_are_refused() -> None:
    with pytest.raises(TropnncError, match="series accepts"):
        expected_kernels(np.ones((2, 5)), [RELU], [0.4])


def test_a_mixture_needs_room() -> None:
    with pytest.raises(TropnncError, match="more than 8 is"):
        paper_mixture(8)
