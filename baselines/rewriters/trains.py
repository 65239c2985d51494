"""Tensor trains: their cuts, ranks, parameters and TT-SVD, relatives.md B.1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from tensorly.backend import BackendManager
from tensorly.decomposition import tensor_train
from torch import Tensor

from baselines.rewriters.ranks import Ranks


def cut_spectra(tensor: Tensor) -> list[Tensor]:
    """Singular values of every cut (1, …, k | k + 1, …, d), in float64."""
    exact = tensor.detach().double()
    cuts = (exact.reshape(prod(exact.shape[:k]), -1) for k in range(1, exact.dim()))
    return [torch.linalg.svdvals(cut) for cut in cuts]


def train_parameters(modes: Sequence[int], ranks: Ranks) -> int:
    """``Σ r_{k−1} n_k r_k`` with ``r_0 = r_d = 1``."""
    ends = pairwise((1, *ranks, 1))
    return sum(left * n * right for n, (left, right) in zip(modes, ends, strict=True))


def clip_train(modes: Sequence[int], ranks: Ranks) -> Ranks:
    """No rank above what a core beside it can use: ``r_{k−1} n_k`` and ``r_{k+1} n_{k+1}``."""
    clipped = list(ranks)
    for k in range(len(clipped)):
        clipped[k] = min(clipped[k], modes[k] * (clipped[k - 1] if k else 1))
    for k in reversed(range(len(clipped))):
        after = clipped[k + 1] if k + 1 < len(clipped) else 1
        clipped[k] = min(clipped[k], modes[k + 1] * after)
    return tuple(clipped)


def tt_svd(tensor: Tensor, ranks: Ranks) -> list[Tensor]:
    """Cores ``r_{k−1} × n_k × r_k`` of tensorly's TT-SVD, in float64; r₀ = r_d = 1.

    Args:
        tensor: of d modes.
        ranks: r₁, …, r_{d−1}, which :func:`clip_train` leaves as they are.
    """
    exact = tensor.detach().double()
    with BackendManager.backend_context("pytorch", local_threadsafe=True):
        train = tensor_train(exact, rank=[1, *ranks, 1])
    return list(train)


def balanced(cores: Sequence[Tensor]) -> list[Tensor]:
    """The same train or ring, every core of the same norm: TT-SVD leaves the norm in the last.

    Cores of the zero tensor stay as they are.
    """
    norms = torch.stack([core.norm() for core in cores])
    if not norms.all():
        return list(cores)
    common = norms.log().mean().exp()
    return [core * (common / norm) for core, norm in zip(cores, norms, strict=True)]
