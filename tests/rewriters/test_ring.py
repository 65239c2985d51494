"""Tensor rings: golden errors, the train they contain, least squares, He's variance."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tensorly.decomposition import tensor_ring

from baselines.rewriters import ring, ring_als
from baselines.rewriters.protocol import UnsupportedLayer
from baselines.rewriters.ring_als import largest_norm, swept
from baselines.rewriters.ring_fitting import fitted, ring_ranks
from baselines.rewriters.trains import cut_spectra, tt_svd
from tests.rewriters.tensors import noise, reciprocal, relative
from tropnnc import TropnncError

FULL = 10**6


def random_ring(sizes: tuple[int, ...], ranks: tuple[int, ...]) -> ring.Cores:
    return ring.he_ring(sizes, ranks, 10, torch.Generator().manual_seed(0))


def test_golden_error() -> None:
    """relatives.md B.10: ranks 2, the singular index is ``s = a·r_1 + b``."""
    cores = ring.ring_svd(reciprocal(), (2, 2, 2, 2))
    assert relative(reciprocal(), ring.full(cores)) == pytest.approx(0.01507047277, abs=6e-12)


def test_golden_error_of_tensorly() -> None:
    """Which has the largest entry of a singular vector positive: the error hangs on their signs."""
    cores = [torch.tensor(core) for core in tensor_ring(reciprocal().numpy(), [2] * 5)]
    assert relative(reciprocal(), ring.full(cores)) == pytest.approx(0.01507675844, abs=6e-12)


def test_full_ranks_are_exact() -> None:
    tensor = noise(4, 5, 6, 3)
    cores = ring.ring_svd(tensor, (2, 2, FULL, FULL))
    assert ring.ranks_of(cores) == (2, 2, 10, 6)
    assert relative(tensor, ring.full(cores)) < 1e-12


def test_entries_are_traces_of_products() -> None:
    cores = random_ring((2, 3, 2), (3, 4, 2))
    whole = ring.full(cores)
    for i, j, k in ((0, 0, 0), (1, 2, 1), (0, 1, 1)):
        product = cores[0][:, i] @ cores[1][:, j] @ cores[2][:, k]
        assert whole[i, j, k].item() == pytest.approx(product.trace().item())


@given(st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_ring_of_one_at_its_end_is_a_train(ranks: tuple[int, ...], seed: int) -> None:
    tensor = noise(3, 4, 5, 2, seed=seed)
    cores = ring.ring_svd(tensor, (1, min(ranks[0], 3), *ranks[1:]))
    train = tt_svd(tensor, ring.ranks_of(cores)[1:])
    other = ring.chain(train)[0, ..., 0]
    torch.testing.assert_close(ring.full(cores), other)


@given(st.integers(0, 4))
@settings(max_examples=5, deadline=None)
def test_a_cyclic_shift_of_modes_is_one_of_cores(by: int) -> None:
    cores = random_ring((2, 3, 4, 2), (2, 3, 2, 4))
    moved = ring.full((*cores[by:], *cores[:by]))
    assert relative(ring.moved(ring.full(cores), by), moved) < 2e-15


@given(st.tuples(*[st.integers(1, 4)] * 4), st.tuples(*[st.integers(1, 9)] * 3), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_parameters_and_clipped_ranks_are_those_of_the_cores(
    sizes: tuple[int, ...], counts: tuple[int, ...], r0: int
) -> None:
    tensor = noise(*sizes)
    if min(sizes[0], tensor[0].numel()) < r0:
        with pytest.raises(TropnncError, match="the first mode's rank is"):
            ring.cut_values(tensor, r0)
        return
    most = [len(values) for values in ring.cut_values(tensor, r0)]
    ranks = ring.clip([min(pair) for pair in zip(counts, most, strict=True)], r0, sizes)
    cores = ring.ring_svd(tensor, ranks)
    assert ring.ranks_of(cores) == ranks
    assert sum(core.numel() for core in cores) == ring.parameters(ranks, sizes)


def test_the_first_modes_rank_bounds_two_ranks() -> None:
    with pytest.raises(TropnncError, match=r"r_0·r_1 = 2·3 is not accepted, .* rank is 4"):
        ring.ring_svd(noise(4, 5, 6), (2, 3, 1))


@given(st.integers(0, 99), st.integers(12, 150))
@settings(max_examples=20, deadline=None)
def test_the_best_first_mode_misses_no_more_than_any(seed: int, budget: int) -> None:
    tensor = noise(3, 6, 4, seed=seed)
    try:
        best = fitted(tensor, 2, budget, range(3))
    except UnsupportedLayer:
        assert budget < 2 * 3 + 6 + 4 * 2
        return
    assert relative(tensor, ring.full(best.cores)) * tensor.norm() == pytest.approx(best.error)
    assert sum(core.numel() for core in best.cores) <= budget
    assert best.cores[best.first].shape[0] == 2
    for first in range(3):
        turned = ring.moved(tensor, first)
        for spectra in (ring.cut_values(turned, 2), cut_spectra(turned)):
            try:
                ranks = ring_ranks(spectra, turned.shape, 2, budget)
            except UnsupportedLayer:
                continue
            error = float((turned - ring.full(ring.ring_svd(turned, ranks))).norm())
            assert best.error <= error * (1 + 1e-9)


@given(st.integers(0, 99), st.tuples(*[st.integers(1, 3)] * 4))
@example(2, (1, 2, 3, 1))  # a random core is nearly singular
@settings(max_examples=20, deadline=None)
def test_least_squares_never_raises_the_error(seed: int, ranks: tuple[int, ...]) -> None:
    tensor = noise(3, 4, 3, 4, seed=seed)
    cores = random_ring((3, 4, 3, 4), ranks)
    errors = [relative(tensor, ring.full(cores))]
    for _ in range(4):
        cores = swept(tensor, cores, 1)
        errors.append(relative(tensor, ring.full(cores)))
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(errors))
    assert errors[-1] < errors[0]


def test_least_squares_finds_a_core_that_was_lost() -> None:
    cores = random_ring((4, 5, 6), (2, 2, 3))
    tensor = ring.full(cores)
    damaged = (torch.zeros_like(cores[0]), *cores[1:])
    assert relative(tensor, ring.full(swept(tensor, damaged, 1))) < 1e-8


def test_least_squares_of_nothing() -> None:
    cores = [torch.zeros(2, 3, 2, dtype=torch.float64)] * 3
    assert all((core == 0).all() for core in swept(torch.zeros(3, 3, 3), cores, 2))


def test_a_sweep_that_makes_cores_grow_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor, cores = noise(3, 4, 5), random_ring((3, 4, 5), (2, 2, 2))
    grown = largest_norm(swept(tensor, cores, 3)) / largest_norm(cores)
    assert grown > 1
    monkeypatch.setattr(ring_als, "_GROWTH", 1.0)
    kept = swept(tensor, cores, 3)
    assert all(torch.equal(one, two) for one, two in zip(kept, cores, strict=True))


def test_random_cores_have_hes_second_moment() -> None:
    """2/fan_in within 5 %; relatives.md sampled .0471 for .0476."""
    generator = torch.Generator().manual_seed(0)
    moments = [
        ring.full(ring.he_ring((3, 7, 4, 5), (2, 3, 4, 3), 42, generator)).square().mean()
        for _ in range(400)
    ]
    assert torch.stack(moments).mean().item() == pytest.approx(2 / 42, rel=0.05)


def test_random_cores_share_one_deviation() -> None:
    cores = ring.he_ring((40, 50), (6, 5), 30, torch.Generator().manual_seed(0))
    sigma = (2 / (30 * 30)) ** 0.25
    for core in cores:
        assert core.std().item() == pytest.approx(sigma, rel=4 / sqrt(2 * core.numel()))
