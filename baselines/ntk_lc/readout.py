"""The trained part: a linear read-out of frozen features."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray


@dataclass(frozen=True, eq=False)
class Readout:
    """Scores ``features @ weights + offset``, one per class.

    Attributes:
        penalty: with which it was fitted.
        weights: ``[d, classes]``.
        offset: ``[classes]``.
    """

    penalty: float
    weights: Array
    offset: Array

    def predict(self, features: Array) -> IntArray:
        """The class of the highest score, ``[n]``."""
        return (features @ self.weights.astype(features.dtype) + self.offset).argmax(axis=1)

    def correct(self, features: Array, labels: IntArray) -> int:
        """How many are classified correctly."""
        return int((self.predict(features) == labels).sum())


def ridge_path(
    features: Array, labels: IntArray, classes: int, penalties: Sequence[float]
) -> Iterator[Readout]:
    """Ridge regression of one-hot labels for each penalty, by one Gram matrix.

    ``penalty`` is added to the kernel ``ΦΦᵀ`` (with its means taken out) or to ``ΦᵀΦ``, whichever
    is smaller; both give the same read-out. The offset is not penalised.

    Args:
        features: ``Φ``, ``[n, d]``.
        labels: ``[n]``, from 0 on.
        classes: how many.
        penalties: all positive.

    Raises:
        TropnncError: a penalty that is not positive.
    """
    if min(penalties, default=1.0) <= 0:
        raise TropnncError(f"penalty = {min(penalties)} is not accepted; a positive number is")
    targets = np.eye(classes)[labels]
    centre, level = features.mean(axis=0, dtype=np.float64), targets.mean(axis=0)
    phi, y = features - centre, targets - level
    wide = phi.shape[1] > phi.shape[0]
    gram = phi @ phi.T if wide else phi.T @ phi
    right = y if wide else phi.T @ y
    diagonal = np.diag(gram).copy()
    for penalty in penalties:
        np.fill_diagonal(gram, diagonal + penalty)
        found = cho_solve(cho_factor(gram, lower=True, check_finite=False), right)
        weights = phi.T @ found if wide else found
        yield Readout(penalty, weights, level - centre @ weights)


def logistic_path(
    features: Array, labels: IntArray, penalties: Sequence[float], steps: int = 200
) -> Iterator[Readout]:
    """Multinomial logistic regression with ``½·penalty‖w‖²``, each from the last one's weights.

    At most ``steps`` of L-BFGS; a penalty at which that is too few is as good as stopped early.
    """
    model = LogisticRegression(warm_start=True, max_iter=steps, tol=1e-4)
    for penalty in sorted(penalties, reverse=True):
        model.set_params(C=1 / penalty)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, labels)
        weights: Array = np.asarray(model.coef_.T)
        offset: Array = np.asarray(model.intercept_)
        if weights.shape[1] == 1:  # of two classes it has the second's score less the first's
            signs = np.array([-0.5, 0.5])
            weights, offset = weights * signs, offset * signs
        yield Readout(penalty, weights, offset)


def best(readouts: Iterator[Readout], features: Array, labels: IntArray) -> Readout:
    """The one that classifies most of the (validation) features; of equal ones the most penalised.

    Raises:
        TropnncError: there is none.
    """
    ranked = [((one.correct(features, labels), one.penalty), one) for one in readouts]
    if not ranked:
        raise TropnncError("no penalty to choose from; at least one is accepted")
    return max(ranked, key=lambda pair: pair[0])[1]


def penalties(shares: Sequence[float], tau: float, reference: float, shift: float) -> list[float]:
    """Penalties to choose from, ascending.

    A network whose kernel is ``K + shift·I`` is to ``penalty`` what that of ``K`` is to
    ``penalty + shift``: beside its own grid it gets the other one's less the shift, where that
    leaves anything.

    Args:
        shares: grid, in units of ``τ²``.
        tau: of the network.
        reference: ``τ`` of the network of kernel ``K``.
        shift: ``τ² − reference²`` where it is not reached by scaling, otherwise 0.
    """
    own = [share * tau**2 for share in shares]
    folded = [share * reference**2 - shift for share in shares]
    return sorted({*own, *(penalty for penalty in folded if penalty >= min(own))})
