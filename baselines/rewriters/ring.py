"""The tensor ring by successive SVDs (Zhao et al. 2016; relatives.md B.3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from baselines.rewriters.left_svd import left_svd
from tropnnc.errors import TropnncError

Cores = tuple[Tensor, ...]  # G_k [r_{k−1}, n_k, r_k] with r_d = r_0
Ranks = tuple[int, ...]  # r_0 … r_{d−1}


def full(cores: Sequence[Tensor]) -> Tensor:
    """``X[i_1 … i_d] = Tr(G_1[i_1] ⋯ G_d[i_d])``.

    The ring is cut open where its rank is smallest, which the product then carries.
    """
    ranks = ranks_of(cores)
    start = ranks.index(min(ranks))
    *before, last = *cores[start:], *cores[:start]
    if not before:
        return torch.einsum("rnr->n", last)
    opened = chain(before)
    turned = torch.einsum("a...b,bna->...n", opened, last)
    return moved(turned, (len(cores) - start) % len(cores))


def chain(cores: Sequence[Tensor]) -> Tensor:
    """The product of cores with both ends open, ``[r_0, n_1, …, n_d, r_d]``."""
    return reduce(lambda left, right: torch.tensordot(left, right, dims=1), cores)


def parameters(ranks: Sequence[int], sizes: Sequence[int]) -> int:
    """``Σ r_{k−1} n_k r_k``."""
    ends = pairwise([*ranks, ranks[0]])
    return sum(r * n * s for (r, s), n in zip(ends, sizes, strict=True))


def ranks_of(cores: Sequence[Tensor]) -> Ranks:
    """``r_0 … r_{d−1}``."""
    return tuple(core.shape[0] for core in cores)


def moved(tensor: Tensor, by: int) -> Tensor:
    """``tensor`` with its first ``by`` modes behind the others.

    Its ring is the tensor's with the first ``by`` cores behind the others.
    """
    return tensor.permute(*range(by, tensor.ndim), *range(by))


def ring_svd(tensor: Tensor, ranks: Sequence[int]) -> Cores:
    """The first core by an SVD at rank ``r_0 r_1``, the others as in a tensor train.

    The singular index is ``s = a·r_1 + b``; ``a`` is carried as the last axis. The ring has no
    quasi-optimality bound like the train's, and its error hangs on the signs of the first
    singular vectors: here the first entry of each is not negative (ours).

    Args:
        tensor: ``[n_1, …, n_d]``, ``d ≥ 2``.
        ranks: ``r_0 … r_{d−1}``; from ``r_2`` on they are clipped to what the SVDs have.

    Raises:
        TropnncError: ``r_0 r_1`` is above the rank that the first mode can have.
    """
    return _swept(tensor, ranks)[0]


def cut_values(tensor: Tensor, r0: int) -> list[Tensor]:
    """Singular values of the ``d − 1`` SVDs of :func:`ring_svd` where only ``r_0`` is bound.

    The first speak of ``r_0 r_1``, the others of ``r_2, …, r_{d−1}``.

    Raises:
        TropnncError: ``r_0`` is above the rank that the first mode can have.
    """
    first = min(tensor.shape[0], tensor[0].numel()) // r0
    return _swept(tensor, (r0, max(first, 1), *[tensor.numel()] * (tensor.ndim - 2)))[1]


def clip(counts: Sequence[int], r0: int, sizes: Sequence[int]) -> Ranks:
    """Ranks ``r_0 … r_{d−1}`` from the number of singular values that each SVD may keep."""
    ranks = [r0, max(counts[0] // r0, 1)]
    for position, count in enumerate(counts[1:], start=1):
        rows, columns = ranks[-1] * sizes[position], prod(sizes[position + 1 :]) * r0
        ranks.append(min(count, rows, columns))
    return tuple(ranks)


def _swept(tensor: Tensor, ranks: Sequence[int]) -> tuple[Cores, list[Tensor]]:
    """The cores, and the singular values of every SVD before its truncation."""
    (r0, r1), sizes = ranks[:2], tensor.shape
    most = min(sizes[0], tensor[0].numel())
    if r0 * r1 > most:
        raise TropnncError(f"r_0·r_1 = {r0}·{r1} is not accepted, the first mode's rank is {most}")
    u, values, carried = _truncated(tensor.double().flatten(1), r0 * r1)
    signs = torch.where(u[0] < 0, -1.0, 1.0).to(u)
    cores, spectra = [(u * signs).unflatten(1, (r0, r1)).transpose(0, 1)], [values]
    carried = (carried * signs[:, None]).unflatten(0, (r0, r1)).permute(1, 2, 0)
    for size, rank in zip(sizes[1:-1], ranks[2:], strict=True):
        before = cores[-1].shape[2]
        u, values, carried = _truncated(carried.reshape(before * size, -1), rank)
        cores.append(u.unflatten(0, (before, size)))
        spectra.append(values)
    return (*cores, carried.reshape(-1, sizes[-1], r0)), spectra


def _truncated(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """``rank`` left singular vectors, all singular values, and the matrix in these vectors."""
    vectors, values = left_svd(matrix)
    return vectors[:, :rank], values, vectors[:, :rank].T @ matrix


def he_ring(
    sizes: Sequence[int], ranks: Sequence[int], fan_in: int, generator: torch.Generator
) -> Cores:
    """Gaussian cores whose ring has He's variance ``2/fan_in`` in every entry, float64.

    An entry is a sum over ``∏ r_k`` paths of products of ``d`` independent entries of variance
    ``σ²``: ``σ = (2/(fan_in·∏ r_k))^{1/(2d)}``, relatives.md B.3.
    """
    deviation = (2 / (fan_in * prod(ranks))) ** (1 / (2 * len(sizes)))
    ends = pairwise([*ranks, ranks[0]])
    return tuple(
        deviation * torch.randn(r, n, s, generator=generator, dtype=torch.float64)
        for (r, s), n in zip(ends, sizes, strict=True)
    )
