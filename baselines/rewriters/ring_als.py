"""Alternating least squares over the cores of a tensor ring, relatives.md B.3."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import trange

from baselines.rewriters.ring import Cores, chain, moved

# Times the mean of the normal equations' diagonal; the larger ones where cores are nearly singular.
_RIDGES = 1e-10, 1e-6, 1e-2
_TINY = torch.finfo(torch.float64).tiny
# The set of rings is not closed: cores can grow without end while the error falls.
_GROWTH = 100.0


def swept(tensor: Tensor, cores: Sequence[Tensor], sweeps: int) -> Cores:
    """``cores`` after at most so many sweeps; no sweep raises ``‖X − ring‖``.

    Each core in turn takes the ridge solution of ``min ‖X_[k] − G_(2) A'‖² + λ‖G − G_old‖²``,
    with ``A`` made of the other cores. The ridge pulls to the old core and not to zero (ours),
    so that the old one is a candidate and the error cannot rise. A sweep after which a core's
    norm is above 100 times the largest at the start is taken again with a larger ridge; where none
    helps it is dropped, and no other follows.

    Args:
        tensor: ``X [n_1, …, n_d]``.
        cores: ``G_k [r_{k−1}, n_k, r_k]``, float64.
        sweeps: 0 and more. One costs ``Σ (r_{k−1} r_k)³`` and as many products with ``X``.
    """
    tensor, current = tensor.double(), tuple(cores)
    most = _GROWTH * largest_norm(current)
    for _ in trange(sweeps, desc="ALS", delay=2, leave=False, disable=None):
        tried = (_once(tensor, current, ridge) for ridge in _RIDGES)
        following = next((cores for cores in tried if largest_norm(cores) <= most), None)
        if following is None:
            break
        current = following
    return current


def largest_norm(cores: Sequence[Tensor]) -> float:
    """The largest Frobenius norm of a core."""
    return max(float(core.norm()) for core in cores)


def _once(tensor: Tensor, cores: Cores, ridge: float) -> Cores:
    """After one sweep."""
    following = list(cores)
    for position in range(len(following)):
        following[position] = _solved(tensor, following, position, ridge)
    return tuple(following)


def _solved(tensor: Tensor, cores: Sequence[Tensor], position: int, ridge: float) -> Tensor:
    """The core at ``position`` given the others."""
    old = cores[position]
    before, size, after = old.shape
    others = chain([*cores[position + 1 :], *cores[:position]])  # [r_k, rest…, r_{k−1}]
    design = others.flatten(1, -2).permute(1, 2, 0).flatten(1)  # A [rest, r_{k−1} r_k]
    matrix = old.transpose(0, 1).reshape(size, -1)
    residual = moved(tensor, position).flatten(1) - matrix @ design.T
    normal = design.T @ design
    # The second term is for cores of zeros.
    normal.diagonal().add_(ridge * float(normal.diagonal().mean()) + _TINY)
    step = torch.linalg.solve(normal, design.T @ residual.T).T
    return (matrix + step).unflatten(1, (before, after)).transpose(0, 1)
