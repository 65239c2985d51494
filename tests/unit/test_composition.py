"""The parts of a composition against dense solves, brute force and transcriptions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import build, images
from tests.units import Activations, kept_of, make_unit, mix_of
from tropnnc import Reduction, Tier, TropnncError, Unit, compress
from tropnnc.composition import composed, gaussian_ls, grail
from tropnnc.composition.compensation import Mix, Scalar, Uncompensated
from tropnnc.composition.composed import Composed
from tropnnc.composition.front_ends import Adapted, Energy, Greedy
from tropnnc.composition.gaussian import Gaussian
from tropnnc.composition.greedy import consumer_gram, greedy_path
from tropnnc.composition.measured import Images
from tropnnc.composition.moments import LinearMoments
from tropnnc.composition.repair import Unrepaired
from tropnnc.reduction import select
from tropnnc.unit import Array

SEEDS = st.integers(0, 10_000)


def sampled(seed: int, neurons: int = 8, count: int = 40) -> Array:
    """Activations ``[count, n]``."""
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(size=(count, neurons)) @ rng.normal(size=(neurons, neurons)), 0)


def moments_of(rows: Array) -> LinearMoments:
    return LinearMoments(rows.T @ rows / len(rows), rows.mean(axis=0))


def linear_unit(seed: int, neurons: int = 8) -> Unit:
    return make_unit("linear", np.random.default_rng(seed), neurons)


def average(unit: Unit, clusters: int) -> Reduction:
    """Neighbours averaged."""
    size = unit.neurons // clusters
    mixing = np.repeat(np.eye(clusters), size, axis=1) / size
    mix = (mixing > 0).T.astype(np.float64)
    return Reduction(mixing @ unit.incoming, mix=mix, combination=mixing)


def ridge_rows(h: Array, target: Array, ridge: float, centre: Array) -> Array:
    """``argmin ‖h T − target‖²/count + ridge·mean diag·‖T − centre‖²`` by a dense solve."""
    weight = np.sqrt(ridge * np.mean((h**2).mean(axis=0)) * len(h))
    stacked = np.concatenate([h, weight * np.eye(h.shape[1])])
    solved = np.linalg.lstsq(stacked, np.concatenate([target, weight * centre]))[0]
    return np.asarray(solved, dtype=np.float64)


@given(seed=SEEDS, merged=st.booleans(), ridge=st.sampled_from([1e-3, 1e-6, 0.3]))
@settings(max_examples=30, deadline=None)
def test_the_mixing_matrix_is_the_dense_least_squares(
    seed: int, merged: bool, ridge: float
) -> None:
    h, unit = sampled(seed), linear_unit(seed)
    rows = average(unit, 4) if merged else select(unit, np.array([0, 2, 3, 7]))
    left = h @ rows.combination.T if rows.combination is not None else h[:, [0, 2, 3, 7]]
    fitted = Mix(ridge).fit(unit, moments_of(h), rows)
    expected = ridge_rows(left, h, ridge, np.zeros((4, 8)))
    np.testing.assert_allclose(mix_of(fitted), expected.T, rtol=1e-5, atol=1e-7)
    assert fitted.offset is None


@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_offset_is_the_intercept(seed: int) -> None:
    """Against a dense least squares with a column of ones that no ridge holds."""
    h, unit = sampled(seed), linear_unit(seed)
    fitted = Mix(1e-3, offset=True).fit(unit, moments_of(h), select(unit, np.arange(3)))
    centred = h - h.mean(axis=0)
    slopes = ridge_rows(centred[:, :3], centred, 1e-3, np.zeros((3, 8)))
    np.testing.assert_allclose(mix_of(fitted), slopes.T, rtol=1e-5, atol=1e-7)
    assert fitted.offset is not None
    columns = unit.consumers[0].outgoing[:, :, 0].T
    residual = h @ columns - h[:, :3] @ mix_of(fitted).T @ columns - fitted.offset[0]
    np.testing.assert_allclose(residual.mean(axis=0), 0, atol=1e-9)


@given(seed=SEEDS, merged=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_factors_are_the_dense_least_squares(seed: int, merged: bool) -> None:
    h, unit = sampled(seed), linear_unit(seed)
    rows = average(unit, 4) if merged else select(unit, np.array([1, 4, 5]))
    left = h @ rows.combination.T if rows.combination is not None else h[:, [1, 4, 5]]
    columns = unit.consumers[0].outgoing[:, :, 0]
    plain = columns @ mix_of(rows)
    # One row per sample and output, one column per factor.
    design = (left[:, None, :] * plain).reshape(-1, rows.width)
    target = (h @ columns.T).reshape(-1, 1)
    scale = len(h) / len(design)  # the mean is over samples, not over outputs
    ridge = 1e-3 / scale
    factors = ridge_rows(design, target, ridge * scale, np.ones((rows.width, 1)))[:, 0]
    fitted = Scalar(1e-3).fit(unit, moments_of(h), rows)
    np.testing.assert_allclose(mix_of(fitted), mix_of(rows) * factors, rtol=1e-6)


@pytest.mark.parametrize("compensate", ["none", "scalar", "mix"])
@pytest.mark.parametrize("front_end", ["greedy", "energy", "l1", "tropnnc"])
def test_all_neurons_are_the_identity(front_end: str, compensate: str) -> None:
    unit = linear_unit(0)
    reducer = composed(front_end, compensate=compensate)  # type: ignore[arg-type]
    state = reducer.prepare(unit, np.random.default_rng(0))
    reduction = reducer.reduce(state, 8)
    np.testing.assert_allclose(mix_of(reduction), np.eye(8), atol=1e-12)
    assert np.array_equal(reduction.incoming, unit.incoming)
    assert reduction.offset is not None
    np.testing.assert_allclose(reduction.offset[0], 0, atol=1e-12)


def deflating(gram: Array, weights: Array, k: int) -> tuple[list[int], list[float]]:
    """Theory.md, section 5, word by word."""
    residual, kept, gains = gram.copy(), [], []
    for _ in range(k):
        gain = {
            j: residual[:, j] @ weights @ residual[:, j] / residual[j, j]
            for j in range(len(gram))
            if j not in kept and residual[j, j] > 1e-9 * gram[j, j]
        }
        best = max(gain, key=lambda j: gain[j])
        kept.append(best)
        gains.append(gain[best])
        residual = residual - np.outer(residual[:, best], residual[best]) / residual[best, best]
    return kept, gains


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_greedy_path_is_the_deflation(seed: int) -> None:
    gram, unit = moments_of(sampled(seed)).gram, make_unit("shared", np.random.default_rng(seed), 8)
    weights = sum(np.einsum("mip,mjp->ij", c.outgoing, c.outgoing) for c in unit.consumers)
    np.testing.assert_allclose(consumer_gram(unit), weights)
    path = greedy_path(gram, consumer_gram(unit))
    kept, gains = deflating(gram, np.asarray(weights), 8)
    assert path.order.tolist() == kept
    np.testing.assert_allclose(path.gains, gains, rtol=1e-5, atol=1e-9)


@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_gains_are_what_the_least_squares_error_loses(seed: int) -> None:
    gram, weights = moments_of(sampled(seed)).gram, consumer_gram(linear_unit(seed))

    def error(kept: list[int]) -> float:
        inner = gram[np.ix_(kept, kept)]
        return float(np.vdot(weights, gram - gram[:, kept] @ np.linalg.solve(inner, gram[kept])))

    path = greedy_path(gram, weights)
    order = path.order.tolist()
    errors = [float(np.vdot(weights, gram)), *(error(order[:k]) for k in range(1, 7))]
    np.testing.assert_allclose(-np.diff(errors), path.gains[:6], rtol=1e-4, atol=1e-8)
    assert errors[1] == pytest.approx(min(error([j]) for j in range(8)))


def test_a_greedy_path_names_every_neuron_once_and_the_useless_last() -> None:
    h = sampled(1)
    h[:, 2], h[:, 6] = 0, 2 * h[:, 0]
    path = greedy_path(moments_of(h).gram, consumer_gram(linear_unit(1)))
    assert sorted(path.order) == list(range(8))
    last = set(path.order[-2:].tolist())
    assert 2 in last
    assert len(last & {0, 6}) == 1
    assert path.gains[-2:].tolist() == [0.0, 0.0]


def test_energy_is_column_norm_squared_times_second_moment() -> None:
    unit, moments = make_unit("shared", np.random.default_rng(2), 8), moments_of(sampled(2))
    energy = [
        sum(float((c.outgoing[:, i] ** 2).sum()) for c in unit.consumers) * moments.gram[i, i]
        for i in range(8)
    ]
    state = Energy().prepare(unit, moments, np.random.default_rng(0))
    assert kept_of(Energy().reduce(state, 3)) == sorted(np.argsort(energy)[-3:].tolist())


@pytest.mark.parametrize(("ridge", "bound"), [(1e-3, 1e-2), (1e-9, 1e-5)])
@pytest.mark.parametrize("front_end", ["greedy", "tropnnc_spherical"])
def test_duplicates_multiples_and_dead_neurons_cost_nothing(
    front_end: str, ridge: float, bound: float
) -> None:
    """Twelve neurons whose activations have rank 4; images play no part in the fit."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(4, 7))
    dead = np.column_stack([0.05 * rng.normal(size=(2, 6)), [-30.0, -40.0]])
    scales = rng.uniform(0.3, 3, size=(6, 1))
    rows = np.concatenate([base, scales * base[[0, 0, 1, 2, 3, 3]], dead])
    unit = make_unit("linear", rng, 12)
    unit = Unit(
        "producer", "linear", rows, unit.consumers, filters=rows[:, :-1], filter_bias=rows[:, -1]
    )
    reducer = composed(front_end, ridge=ridge, repair="none")
    # The two dead ones are directions of their own.
    k = 4 if front_end == "greedy" else 6
    reduction = reducer.reduce(reducer.prepare(unit, rng), k)
    inputs = np.column_stack([rng.normal(size=(500, 6)), np.ones(500)])
    h, left = (np.maximum(inputs @ w.T, 0) for w in (unit.incoming, reduction.incoming))
    columns = unit.consumers[0].outgoing[:, :, 0].T
    error = np.linalg.norm((h - left @ mix_of(reduction).T) @ columns)
    assert error < bound * np.linalg.norm(h @ columns)


def test_images_give_the_moments_of_all_positions_consumers_read() -> None:
    rng = np.random.default_rng(3)
    unit = make_unit("shared", rng, 4)
    seen = (torch.randn(6, 4, 5, 5).double(), torch.randn(6, 4, 2, 3).double())
    measured = Images().moments(
        Unit(**{**vars(unit), "calibration": Activations(seen)})  # every field of the unit
    )
    rows = torch.cat([t.movedim(1, -1).reshape(-1, 4) for t in seen]).numpy()
    np.testing.assert_allclose(measured.gram, rows.T @ rows / len(rows))
    np.testing.assert_allclose(measured.mean, rows.mean(axis=0))
    with pytest.raises(TropnncError, match="producer: source=images needs calibration images"):
        Images().moments(unit)


def test_the_tier_is_the_highest_of_the_parts() -> None:
    tiers = {
        "gaussian_ls": gaussian_ls().needs,
        "isotropic": gaussian_ls(inputs="isotropic").needs,
        "grail": grail().needs,
        "thinet in front": gaussian_ls("thinet").needs,
        "isotropic, thinet in front": gaussian_ls("thinet", inputs="isotropic").needs,
    }
    assert list(tiers.values()) == [
        Tier.STATISTICS, Tier.WEIGHTS, Tier.IMAGES, Tier.IMAGES, Tier.IMAGES,
    ]  # fmt: skip


class Watched:
    """A selector of tier ``weights`` that looks for what it must not see."""

    needs, order, version = Tier.WEIGHTS, "original", 3

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Unit:
        assert unit.calibration is None
        assert unit.batch_norm is None
        assert unit.pixels is None
        assert unit.feeds() == ()
        return unit

    def reduce(self, state: Unit, k: int) -> Reduction:
        return select(state, np.arange(k))


@pytest.mark.parametrize("source", [Gaussian(), Images()])
def test_a_front_end_sees_its_own_tier_alone(source: Gaussian | Images) -> None:
    front_end = Adapted(Watched())  # type: ignore[arg-type]
    method = Composed(front_end, source, Uncompensated(), Unrepaired(), "sequential")
    assert method.version == 6
    model, inputs = build("vgg"), images("vgg")
    small, _ = compress(model, inputs, method, 0.5, calibration=inputs)
    expected, _ = compress(model, inputs, Watched(), 0.5, order="sequential")  # type: ignore[arg-type]
    torch.testing.assert_close(small(inputs), expected(inputs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"front_end": "best"}, "unknown front_end 'best'; accepted are greedy, energy, .*l1"),
        ({"front_end": "grail"}, "front_end grail is a composition; accepted are methods that"),
        ({"source": "noise"}, "unknown source 'noise'; accepted are gaussian, synthetic, images"),
        ({"compensate": "all"}, "unknown compensate 'all'; accepted are none, scalar, mix, taps"),
        ({"repair": "some"}, "unknown repair 'some'; accepted are none, analytic, differential"),
        ({"order": "random"}, "unknown order 'random'; accepted are original, sequential"),
        ({"inputs": "images"}, "unknown inputs 'images'; accepted are statistics, isotropic"),
        ({"ridge": 0.0}, "ridge = 0.0 is out of range, accepted are numbers above 0"),
        ({"ridge": float("nan")}, "ridge = nan is out of range"),
    ],
)
def test_bad_options_are_one_line(options: dict[str, str], message: str) -> None:
    with pytest.raises(TropnncError, match=message):
        composed(**options)  # type: ignore[arg-type]


def test_the_moments_are_taken_once_for_all_widths() -> None:
    unit = linear_unit(4)
    reducer = gaussian_ls()
    state = reducer.prepare(unit, np.random.default_rng(0))
    kept = [kept_of(reducer.reduce(state, k)) for k in range(1, 9)]
    assert all(set(a) < set(b) for a, b in pairwise(kept))
    assert isinstance(reducer.front_end, Greedy)
