"""Neuron Merging against a transcription of Kim et al. 2020, and the traps of its code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baselines.criterion import Criterion
from baselines.neuron_merging import NeuronMerging
from tests.units import (
    KINDS,
    batch_normed,
    difference,
    kept_of,
    make_unit,
    mix_of,
    random_inputs,
    rescaled,
    with_norm,
)
from tropnnc import Reduction, TropnncError
from tropnnc.unit import Array, BatchNorm, Unit


def reduced(unit: Unit, k: int, method: NeuronMerging | None = None) -> Reduction:
    method = method or NeuronMerging()
    return method.reduce(method.prepare(unit, np.random.default_rng(0)), k)


def cosine(one: Array, other: Array) -> float:
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def plain_transcribed(unit: Unit, kept: list[int], threshold: float) -> Array:
    """Section 3.1: the kept neuron of largest cosine of ``[w; b]``, the ratio of the norms."""
    rows = [np.append(w, b) for w, b in zip(unit.filters, unit.filter_bias, strict=True)]
    z = np.zeros((len(rows), len(kept)))
    for i, row in enumerate(rows):
        if i in kept:
            z[i, kept.index(i)] = 1.0
            continue
        best = max(kept, key=lambda j: cosine(row, rows[j]))
        if cosine(row, rows[best]) >= threshold:
            z[i, kept.index(best)] = np.sqrt(row @ row) / np.sqrt(rows[best] @ rows[best])
    return z


def normed_transcribed(unit: Unit, kept: list[int], threshold: float, lam: float) -> Array:
    """Section 3.2, with σ the standard deviation, 1 the kept neuron and 2 the pruned one."""
    assert unit.batch_norm is not None
    bn, w = unit.batch_norm, unit.filters
    sigma = [float(np.sqrt(v + bn.eps)) for v in bn.running_var]
    gamma, beta, mu = bn.weight, bn.bias, bn.running_mean - unit.filter_bias
    z = np.zeros((unit.neurons, len(kept)))
    for two in range(unit.neurons):
        if two in kept:
            z[two, kept.index(two)] = 1.0
            continue
        scales, biases, distances = [], [], []
        for one in kept:
            s = np.linalg.norm(w[two]) / np.linalg.norm(w[one])
            scales.append(s * (gamma[two] / gamma[one]) * (sigma[one] / sigma[two]))
            inner = s * (-sigma[one] * beta[one] / gamma[one] + mu[one]) - mu[two]
            biases.append(abs(gamma[two] / sigma[two] * inner + beta[two]) / scales[-1])
            distances.append(1 - cosine(w[one], w[two]))
        low, high = min(biases), max(biases)
        scores = [
            lam * d + (1 - lam) * (b - low) / (high - low)
            for d, b in zip(distances, biases, strict=True)
        ]
        best = scores.index(min(scores))
        if 1 - distances[best] >= threshold:
            z[two, best] = scales[best]
    return z


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("selector", ["l1", "l2", "gm"])
def test_without_batch_norm(kind: str, selector: Criterion) -> None:
    unit = make_unit(kind, np.random.default_rng(1), neurons=14)
    answer = reduced(unit, 5, NeuronMerging(selector))
    threshold = 0.45 if kind == "linear" else 0.1
    expected = plain_transcribed(unit, kept_of(answer), threshold)
    np.testing.assert_allclose(mix_of(answer), expected, atol=1e-12)
    np.testing.assert_array_equal(answer.incoming, unit.incoming[kept_of(answer)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_with_batch_norm(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    unit = batch_normed(make_unit(kind, rng, neurons=14), rng)
    answer = reduced(unit, 6)
    expected = normed_transcribed(unit, kept_of(answer), 0.45 if kind == "linear" else 0.1, 0.85)
    np.testing.assert_allclose(mix_of(answer), expected, rtol=1e-10, atol=1e-12)
    assert np.count_nonzero(expected) > 6


def test_scores_are_those_of_filter_and_bias_and_of_the_raw_filter_before_a_batch_norm() -> None:
    unit = make_unit("linear", np.random.default_rng(0))
    biased = replace(unit, filter_bias=np.where(np.arange(10) == 3, 100.0, 0.0))
    assert 3 in kept_of(reduced(biased, 1))
    raw = batch_normed(biased, np.random.default_rng(1))
    by_filter = np.argsort(-np.abs(raw.filters).sum(axis=1))[:4]
    assert kept_of(reduced(raw, 4)) == sorted(by_filter.tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_rescaled_copies_merge_exactly(kind: str) -> None:
    rng = np.random.default_rng(2)
    unit = make_unit(kind, rng, neurons=12)
    copies = np.repeat(np.arange(6), 2)
    unit = replace(
        unit,
        incoming=unit.incoming[copies],
        filters=unit.filters[copies],
        filter_bias=unit.filter_bias[copies],
    )
    unit = rescaled(unit, np.where(np.arange(12) % 2 == 0, 1.0, rng.uniform(0.2, 0.9, 12)))
    # All six kept are of different kinds: the smaller of two copies never comes before the other.
    order = np.argsort(-np.abs(unit.incoming).sum(axis=1))
    k = next(k for k in range(6, 13) if {i // 2 for i in order[:k]} == set(range(6)))
    assert difference(unit, reduced(unit, k), random_inputs(unit, kind, rng)) < 1e-10


def copied_behind_other_norms(rng: np.random.Generator) -> Unit:
    """Neurons 0 and 1 the same up to a factor of the *normalised* output, all else apart.

    The filters of both are multiples of one another, their batch norms have nothing in common but
    that the second's makes ``z_1 = 1.7·z_0``.
    """
    unit = make_unit("linear", rng, neurons=2)
    filters = np.stack([unit.filters[0], 0.6 * unit.filters[0]])
    gamma, var = np.array([1.3, 0.8]), np.array([2.5, 0.2])
    sigma, mean = np.sqrt(var + 1e-5), np.array([0.4, -0.2])
    # z_1 = γ_1/σ_1 (0.6 a·x − μ_1) + β_1 and z_0 = γ_0/σ_0 (a·x − μ_0) + β_0.
    factor = (gamma[1] / sigma[1] * 0.6) / (gamma[0] / sigma[0])
    beta0 = 0.3
    offset = gamma[1] / sigma[1] * (0.6 * mean[0] - mean[1])
    beta = np.array([beta0, factor * beta0 - offset])
    unit = replace(unit, filters=filters, filter_bias=np.zeros(2))
    return with_norm(unit, BatchNorm(gamma, beta, mean, var, 1e-5))


def test_a_copy_behind_another_batch_norm_merges_exactly() -> None:
    """Not so with the variance for σ, nor with pruned and kept taken for each other."""
    rng = np.random.default_rng(3)
    unit = copied_behind_other_norms(rng)
    answer = reduced(unit, 1)
    assert kept_of(answer) == [0]
    assert difference(unit, answer, random_inputs(unit, "linear", rng)) < 1e-12
    assert unit.batch_norm is not None
    right, v = mix_of(answer)[1, 0], unit.batch_norm.running_var
    ratio = unit.batch_norm.weight[1] / unit.batch_norm.weight[0]
    assert right != pytest.approx(0.6 * ratio * v[0] / v[1], rel=0.1)
    assert right != pytest.approx(0.6 / ratio * np.sqrt(v[1] / v[0]), rel=0.1)


def test_a_neuron_like_no_other_is_lost() -> None:
    unit = make_unit("linear", np.random.default_rng(0), neurons=3)
    rows = np.eye(3, 7)
    rows[2, :3] = 0.3, 0.05, 0.0
    unit = replace(unit, filters=rows[:, :6], filter_bias=rows[:, 6], incoming=rows)
    mix = mix_of(reduced(unit, 2))
    np.testing.assert_allclose(mix[2], [np.hypot(0.3, 0.05), 0.0])
    assert not mix_of(reduced(unit, 1))[1].any()


def test_a_kept_neuron_of_the_other_sign_or_none_is_no_candidate() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        unit = batch_normed(make_unit("conv", rng), rng, negative=True)
        assert unit.batch_norm is not None
        weight = unit.batch_norm.weight.copy()
        weight[rng.integers(10)] = 0.0
        unit = with_norm(unit, replace(unit.batch_norm, weight=weight))
        answer = reduced(unit, 4)
        kept, mix = kept_of(answer), mix_of(answer)
        assert (mix >= 0).all()
        i, j = np.nonzero(mix)
        assert (weight[i] * weight[np.array(kept)[j]] > 0)[~np.isin(i, kept)].all()


def test_an_unknown_selector_is_named() -> None:
    with pytest.raises(TropnncError, match="unknown selector 'l3'; accepted are l1, l2, gm"):
        NeuronMerging("l3")  # type: ignore[arg-type]
