"""Greedy selection by what each neuron adds to a least-squares reconstruction (theory.md, 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.unit import Array, IntArray, Unit

# Of a neuron's own energy: what is left of one that those kept reproduce is rounding.
_IN_SPAN = 1e-9


@dataclass(frozen=True)
class GreedyPath:
    """All neurons, the most wanted first: the first k are the selection of width k.

    Attributes:
        order: ``[n]``.
        gains: what each takes off the error ``tr(B R)`` of those before it, ``[n]``; zero for the
            neurons that those before reproduce, which come last.
    """

    order: IntArray
    gains: Array


def consumer_gram(unit: Unit) -> Array:
    """``B = CᵀC [n, n]``, summed over taps and consumers."""
    outgoing = unit.outgoing
    with one_thread():
        return outgoing @ outgoing.T


def greedy_path(gram: Array, weights: Array) -> GreedyPath:
    """Repeatedly keep ``argmax_j R_:jᵀ B R_:j / R_jj`` and deflate ``R ← R − R_:j R_:jᵀ/R_jj``.

    ``R`` starts as ``G`` and is never formed: it is ``G − F Fᵀ``, F a growing Cholesky factor, and
    the numerators are updated, so that a step costs two products of a matrix and a vector.

    Args:
        gram: ``G [n, n]``.
        weights: ``B [n, n]``.

    Returns:
        the path; a neuron is skipped once ``R_jj`` is lost in rounding.
    """
    with one_thread():
        return _greedy_path(gram, weights)


def _greedy_path(gram: Array, weights: Array) -> GreedyPath:
    n = len(gram)
    factor = np.zeros((n, n), order="F")
    residual = np.diag(gram).copy()
    floor = _IN_SPAN * residual
    numerator = np.vecdot(gram, (weights @ gram).T)
    order, gains = [], np.zeros(n)
    open_ = residual > floor
    while open_.any():
        step = len(order)
        gain = np.divide(numerator, residual, out=np.full(n, -np.inf), where=open_)
        j = int(np.argmax(gain))
        gains[step] = max(gain[j], 0.0)
        order.append(j)
        done = factor[:, :step]
        column = gram[:, j] - done @ done[j]  # R_:j
        image = weights @ column  # B R_:j
        share = column / column[j]
        # diag(RᵀBR) of the deflated R, from R B R_:j and R_:jᵀ B R_:j.
        crossed = gram @ image - done @ (done.T @ image)
        numerator += share * (share * (column @ image) - 2 * crossed)
        residual -= share * column
        factor[:, step] = column / np.sqrt(column[j])
        open_ &= residual > floor
        open_[j] = False
    rest = np.setdiff1d(np.arange(n), order)
    return GreedyPath(np.concatenate([np.array(order, dtype=np.int64), rest]), gains)
