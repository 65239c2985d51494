"""Exact optimal transport between uniform distributions."""

from __future__ import annotations

from math import lcm

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import eye_array, kron, vstack

from tropnnc.errors import TropnncError
from tropnnc.unit import Array

# Copies of sources and targets up to which an assignment is faster than a linear programme.
_COPIES = 4096


def uniform_transport(cost: Array) -> Array:
    """``argmin ⟨T, cost⟩`` over ``T ≥ 0 [n, k]`` with row sums ``1/n`` and column sums ``1/k``.

    A vertex of the transport polytope. ``T·lcm(n, k)`` is integral there, so that the plan is an
    assignment between copies of sources and targets where these are few: always where k divides n.
    """
    n, k = cost.shape
    copies = lcm(n, k)
    return _by_assignment(cost, copies) if copies <= _COPIES else _by_programme(cost)


def _by_assignment(cost: Array, copies: int) -> Array:
    """``copies`` units of mass, each carried as a whole."""
    n, k = cost.shape
    sources, targets = np.arange(copies) // (copies // n), np.arange(copies) // (copies // k)
    rows, columns = linear_sum_assignment(cost[np.ix_(sources, targets)])
    plan = np.zeros((n, k))
    np.add.at(plan, (sources[rows], targets[columns]), 1.0)
    return plan / copies


def _by_programme(cost: Array) -> Array:
    """The linear programme, masses times n."""
    n, k = cost.shape
    rows, columns = kron(eye_array(n), np.ones((1, k))), kron(np.ones((1, n)), eye_array(k))
    masses = np.concatenate([np.ones(n), np.full(k, n / k)])
    # One of the constraints follows from the others; the solver's presolve finds it.
    answer = linprog(
        cost.ravel(), A_eq=vstack([rows, columns]).tocsr(), b_eq=masses, method="highs-ds"
    )
    if answer.x is None:
        raise TropnncError(f"the transport of {n} to {k} was not solved: {answer.message}")
    return np.maximum(answer.x.reshape(n, k), 0.0) / n
