"""The hierarchical Tucker format: golden errors, bounds on both sides, the SVD it contains."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from baselines.rewriters import htucker
from baselines.rewriters.execution import multiply_adds
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker, within
from baselines.rewriters.htucker import HTucker, balanced, cuts, hierarchical_svd
from baselines.rewriters.hybrid import Hybrid
from baselines.rewriters.modes import split
from baselines.rewriters.protocol import Parameters, UnsupportedLayer
from tests.rewriters.tensors import noise, reciprocal, relative
from tropnnc import TropnncError

SHAPES = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(tuple)


def clipped(shape: tuple[int, ...], *ranks: int) -> dict[htucker.Node, int]:
    """``ranks`` of the cuts, over and over."""
    tree = balanced(len(shape))
    wished = {at: ranks[k % len(ranks)] for k, at in enumerate(cuts(tree))}
    return htucker.clip(wished, tree, shape)


def decomposed(tensor: torch.Tensor, *ranks: int) -> HTucker:
    spectra = htucker.spectra(tensor, balanced(tensor.ndim))
    return hierarchical_svd(spectra, clipped(tuple(tensor.shape), *ranks))


@pytest.mark.parametrize(
    ("rank", "expected", "parameters"),
    [(1, 0.17379652247, 19), (2, 0.01832536485, 52), (3, 0.00087123409, 111)],
)
def test_golden_errors(rank: int, expected: float, parameters: int) -> None:
    tucker = decomposed(reciprocal(), rank)
    assert relative(reciprocal(), tucker.full()) == pytest.approx(expected, abs=6e-12)
    assert sum(core.numel() for core in tucker.cores) == parameters


def test_trees() -> None:
    assert balanced(2) == (0, 1)
    assert balanced(3) == ((0, 1), 2)
    assert balanced(4) == ((0, 1), (2, 3))
    assert balanced(5) == (((0, 1), 2), (3, 4))
    assert cuts(balanced(4)) == [(0,), (1,), (2,), (3,), (0, 1)]
    assert [len(cuts(balanced(d))) for d in range(2, 9)] == [2 * d - 3 for d in range(2, 9)]


@given(SHAPES, st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_full_ranks_are_exact(shape: tuple[int, ...], seed: int) -> None:
    tensor = noise(*shape, seed=seed)
    assert relative(tensor, decomposed(tensor, 999).full()) < 1e-12


@given(SHAPES, st.lists(st.integers(1, 9), min_size=1, max_size=7), st.integers(0, 99))
@example((1, 2, 1), [2], 0)  # the second leaf has two rows and one column
@settings(max_examples=25, deadline=None)
def test_errors_lie_between_the_largest_tail_and_the_sum(
    shape: tuple[int, ...], ranks: list[int], seed: int
) -> None:
    tensor = noise(*shape, seed=seed)
    spectra, chosen = htucker.spectra(tensor, balanced(len(shape))), clipped(shape, *ranks)
    tucker = hierarchical_svd(spectra, chosen)
    error = float((tensor - tucker.full()).norm())
    largest = max(float(s[chosen[at] :].norm()) for at, s in spectra.values.items())
    assert largest - 1e-9 <= error <= htucker.tail_bound(spectra, chosen) + 1e-9
    count = htucker.parameters(chosen, spectra.tree, shape)
    assert sum(core.numel() for core in tucker.cores) == count


def test_the_split_tree_with_full_leaves_is_the_truncated_svd() -> None:
    weight = noise(12, 20)
    arrangement = split((3, 4), (4, 5))
    spectra = htucker.spectra(arrangement.tensor(weight), balanced(4))
    ranks = {(0,): 3, (1,): 4, (2,): 4, (3,): 5, (0, 1): 6}
    tucker = hierarchical_svd(spectra, htucker.clip(ranks, spectra.tree, (3, 4, 4, 5)))
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    truncated = left[:, :6] * values[:6] @ right[:6]
    assert relative(truncated, arrangement.weight(tucker.full())) < 4e-13


@given(st.integers(21, 400), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_ranks_stay_within_the_budget_and_use_a_larger_one(budget: int, more: int) -> None:
    spectra = htucker.spectra(noise(3, 4, 5, 6), balanced(4))
    small, large = within(spectra, budget), within(spectra, budget + more)
    assert htucker.parameters(small, spectra.tree, (3, 4, 5, 6)) <= budget
    assert all(rank <= large[at] for at, rank in small.items())
    assert htucker.tail_bound(spectra, large) <= htucker.tail_bound(spectra, small)


def test_multiply_adds_of_a_split_matrix() -> None:
    """relatives.md B.2: leaves (15, 20, 28, 28) and 97 at the root, half the parameters."""
    torch.manual_seed(0)
    layer = nn.Linear(784, 300)
    result = HierarchicalTucker().rewrite(layer, Parameters(300 * 784 // 2))
    assert result.facts["ranks"] == {"0": 15, "1": 20, "2": 28, "3": 28, "0 1": 97, "2 3": 97}
    assert result.facts["parameters"] == 15**2 + 20**2 + 2 * 28**2 + (300 + 784) * 97 + 97**2
    assert multiply_adds(result.module, (1, 784)) == 168_961
    assert not result.facts["storage_only"]


def test_multiply_adds_of_a_split_kernel() -> None:
    """Four convolutions of which the two in the middle are made of the small cores, once."""
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result = HierarchicalTucker().rewrite(layer, Parameters(layer.weight.numel() // 5))
    c, h, w, o, r = (result.facts["ranks"][at] for at in ("0", "1", "2", "3", "0 1"))
    passing = 16 * c * 256 + 3 * c * r * 8 * 16 + 3 * r * o * 64 + o * 24 * 64
    small = multiply_adds(result.module, (1, 16, 16, 16)) - passing
    made = 3 * h * c * r + r * r * o * w + 3 * w * o * r
    assert 0 < small <= made
    assert multiply_adds(result.module, (10_000, 16, 16, 16)) == passing


def test_the_merged_order_of_a_matrix_loses_what_the_split_order_keeps() -> None:
    """A matrix of rank one is exact in split order, which contains the SVD."""
    layer = nn.Linear(24, 30)
    with torch.no_grad():
        layer.weight.copy_(torch.outer(torch.arange(30.0).sin(), torch.arange(24.0).cos()))
    budget = Parameters(120)
    assert HierarchicalTucker().rewrite(layer, budget).facts["relative_error"] < 1e-6
    assert HierarchicalTucker("merged").rewrite(layer, budget).facts["relative_error"] < 1


def test_the_hybrid_is_one_format_a_kind_of_layer() -> None:
    torch.manual_seed(0)
    matrix, kernel = nn.Linear(24, 30), nn.Conv2d(8, 12, 3)
    hybrid = Hybrid()
    for layer, format in ((matrix, hybrid.matrices), (kernel, hybrid.kernels)):
        budget = Parameters(layer.weight.numel() // 2)
        ours, other = (by.rewrite(layer, budget) for by in (hybrid, format))
        assert dict(ours.facts) == dict(other.facts)
        state = ours.module.state_dict()
        assert all(torch.equal(state[key], x) for key, x in other.module.state_dict().items())


def test_faults() -> None:
    with pytest.raises(TropnncError, match="accepted are split, merged"):
        HierarchicalTucker("mixed")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="accepted are 2 and more"):
        HierarchicalTucker(parts=1)
    with pytest.raises(UnsupportedLayer, match="ranks of one take 24 parameters, the budget is 20"):
        HierarchicalTucker(shapes={30: (5, 6)}).rewrite(nn.Linear(24, 30), Parameters(20))
    with pytest.raises(TropnncError, match="shapes of other than 2 factors"):
        HierarchicalTucker(shapes={30: (30,)}).rewrite(nn.Linear(24, 30), Parameters(20))
