"""Tensor trains: golden errors, bounds on both sides, and the SVDs that they contain."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from baselines.rewriters.modes import merged, split
from baselines.rewriters.ranks import Ranks, tails
from baselines.rewriters.trains import (
    balanced,
    clip_train,
    cut_spectra,
    train_parameters,
    tt_svd,
)
from tests.rewriters.tensors import noise, reciprocal, relative

FULL = (99, 99, 99)


def rebuilt(cores: list[Tensor]) -> Tensor:
    tensor = cores[0]
    for core in cores[1:]:
        tensor = torch.tensordot(tensor, core, dims=1)
    return tensor[0, ..., 0]


def error(tensor: Tensor, ranks: Ranks) -> float:
    return relative(tensor, rebuilt(tt_svd(tensor, ranks)))


# relatives.md B.10.
@pytest.mark.parametrize(
    ("rank", "expected"), [(1, 0.17356163289), (2, 0.0161189015337), (3, 0.00078992193919)]
)
def test_golden_errors(rank: int, expected: float) -> None:
    assert error(reciprocal(), (rank, rank, rank)) == pytest.approx(expected, rel=1e-10)


def test_full_ranks_are_exact() -> None:
    tensor = noise(3, 4, 5, 2)
    assert error(tensor, clip_train(tensor.shape, FULL)) < 1e-12


@given(st.tuples(*[st.integers(2, 4)] * 4), st.tuples(*[st.integers(1, 9)] * 3), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_errors_lie_between_the_largest_tail_and_the_sum(
    shape: tuple[int, ...], ranks: Ranks, seed: int
) -> None:
    tensor = noise(*shape, seed=seed)
    ranks = clip_train(shape, ranks)
    cuts = zip(cut_spectra(tensor), ranks, strict=True)
    missed = [tails(spectrum, rank) for spectrum, rank in cuts]
    squared = (error(tensor, ranks) * float(tensor.norm())) ** 2
    assert max(missed) - 1e-9 <= squared <= sum(missed) + 1e-9


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.data())
@settings(max_examples=25, deadline=None)
def test_parameters_are_the_entries_of_the_cores(modes: list[int], data: st.DataObject) -> None:
    wished = data.draw(st.tuples(*[st.integers(1, 7)] * (len(modes) - 1)))
    ranks = clip_train(modes, wished)
    cores = tt_svd(noise(*modes), ranks)
    assert [core.shape[2] for core in cores[:-1]] == list(ranks)
    assert sum(core.numel() for core in cores) == train_parameters(modes, ranks)
    assert all(rank <= wish for rank, wish in zip(ranks, wished, strict=True))


def truncated(matrix: Tensor, rank: int) -> Tensor:
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    return left[:, :rank] * values[:rank] @ right[:rank]


def test_split_train_with_full_outer_ranks_is_the_truncated_svd() -> None:
    weight = noise(12, 20)
    arrangement = split((3, 4), (4, 5))
    train = rebuilt(tt_svd(arrangement.tensor(weight), (3, 6, 5)))
    assert (arrangement.weight(train) - truncated(weight, 6)).norm() / weight.norm() < 1e-12


def test_merged_train_of_two_modes_is_the_svd_of_the_rearranged_matrix() -> None:
    weight = noise(12, 20)
    arrangement = merged((3, 4), (4, 5))
    train = rebuilt(tt_svd(arrangement.tensor(weight), (5,)))
    left, values, right = torch.linalg.svd(arrangement.tensor(weight), full_matrices=False)
    products = (
        values[k] * torch.kron(left[:, k].reshape(3, 4), right[k].reshape(4, 5)) for k in range(5)
    )
    torch.testing.assert_close(arrangement.weight(train), sum(products, torch.zeros(())))


def test_balanced_cores_are_the_same_train() -> None:
    cores = tt_svd(noise(3, 4, 5), (3, 4))
    even = balanced(cores)
    torch.testing.assert_close(rebuilt(even), rebuilt(cores))
    norms = torch.stack([core.norm() for core in even])
    torch.testing.assert_close(norms, norms[0].expand(3))
