"""Alternating exact minimisation of ``‖W − L − S‖_F`` (relatives.md B.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from tropnnc.unit import Array, IntArray


@dataclass(frozen=True, eq=False)
class LowRankPlusSparse:
    """``left @ right`` plus ``values`` at the sorted flat ``positions``.

    Attributes:
        left: ``[m, r]``; each of its columns is as long as the row of ``right``.
        right: ``[r, n]``.
        positions: ``[k]``, ascending.
        values: ``[k]``.
        errors: ``‖W − L − S‖_F`` after every sweep.
    """

    left: Array
    right: Array
    positions: IntArray
    values: Array
    errors: tuple[float, ...]


def truncated(matrix: Array, rank: int) -> tuple[Array, Array]:
    """The nearest matrix of ``rank`` as a product of ``[m, r]`` and ``[r, n]``.

    By the eigenvectors of the smaller Gram matrix: where they are inaccurate, singular values
    are below 1e-8 of the largest.
    """
    if matrix.shape[0] > matrix.shape[1]:
        right, left = truncated(matrix.T, rank)
        return left.T, right.T
    rows = len(matrix)
    if rank == 0:
        return np.zeros((rows, 0)), np.zeros((0, matrix.shape[1]))
    _, vectors = eigh(matrix @ matrix.T, subset_by_index=(rows - rank, rows - 1))
    return vectors, vectors.T @ matrix


def largest(matrix: Array, count: int) -> IntArray:
    """Flat positions of the ``count`` entries of largest magnitude, in no order."""
    size = np.abs(matrix).ravel()
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    return np.argpartition(size, size.size - count)[size.size - count :]


def alternate(
    weight: Array, rank: int, entries: int, sweeps: int = 15, tolerance: float = 1e-4
) -> LowRankPlusSparse:
    """L of ``rank`` and S of ``entries`` nonzeros near ``weight [m, n]``.

    A sweep is ``L = T_r(W − S)``, then S of the largest entries of ``W − L``; each minimises, so
    the error never grows. It ends when the error falls by less than ``tolerance`` of itself, and
    at once where one of the two is empty.
    """
    sparse = np.zeros_like(weight)
    errors: list[float] = []
    while True:
        left, right = truncated(weight - sparse, rank)
        residual = weight - left @ right
        positions = largest(residual, entries)
        sparse = np.zeros_like(weight)
        sparse.flat[positions] = residual.flat[positions]
        errors.append(float(np.linalg.norm(residual - sparse)))
        if len(errors) == sweeps or 0 in (rank, entries) or _still(errors, tolerance):
            break
    positions = np.sort(positions)
    left, right = _balanced(left, right)
    return LowRankPlusSparse(left, right, positions, sparse.flat[positions], tuple(errors))


def _still(errors: list[float], tolerance: float) -> bool:
    return len(errors) > 1 and errors[-2] - errors[-1] <= tolerance * errors[-2]


def _balanced(left: Array, right: Array) -> tuple[Array, Array]:
    """The same product with factors of equal lengths, which a half float or a grid holds best."""
    lengths = [np.linalg.norm(left, axis=0), np.linalg.norm(right, axis=1)]
    there = np.minimum(*lengths) > 0
    ratio = np.sqrt(np.divide(lengths[1], lengths[0], out=np.ones(len(there)), where=there))
    ratio[~there] = 1.0
    return left * ratio, right / ratio[:, None]
