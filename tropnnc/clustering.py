"""K-means on the rows of a feature matrix, in as few dimensions as the rows span."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

from tropnnc.gram_kmeans import gram_kmeans
from tropnnc.products import MANY, column_blocks, gram_of
from tropnnc.unit import Array, IntArray

# Columns of a feature matrix that are projected at once.
_SLAB = 1 << 15


@dataclass(frozen=True)
class Gram:
    """Many rows of features by their inner products ``[n, n]``, which are fewer numbers."""

    products: Array

    def __len__(self) -> int:
        return len(self.products)


def comparable(*features: Array) -> Array | Gram:
    """What :func:`kmeans` needs of rows given in blocks of columns, each ``[n, ·]``.

    Up to ``MANY`` rows their coordinates, above their Gram matrix, rows centred.
    """
    if len(features[0]) <= MANY:
        return project(*features)
    with one_thread():
        return Gram(gram_of(*features, centred=True))


def project(*features: Array) -> Array:
    """Coordinates of the rows in a basis of their span: ``[n, D]`` to ``[n, min(n, D)]``.

    Exact: with ``Xᵀ = QR`` the rows of ``Rᵀ`` have the norms and the distances of the rows of
    ``X``, so K-means finds the same clusters at the same inertia in ``n`` dimensions as in ``D``.

    Args:
        features: the rows in one or several blocks of columns, each ``[n, ·]``.
    """
    n, dimensions = len(features[0]), sum(block.shape[1] for block in features)
    if dimensions > max(n, _SLAB):
        factor = np.zeros((0, n))
        for slab in column_blocks(features, _SLAB):
            factor = triangular_factor(np.concatenate([factor, slab.T]))
        return np.ascontiguousarray(factor.T)
    rows = features[0] if len(features) == 1 else np.concatenate(features, axis=1)
    return rows if dimensions <= n else np.ascontiguousarray(triangular_factor(rows.T).T)


def one_thread() -> AbstractContextManager[object]:
    """Pin BLAS and OpenMP: two threads on two busy cores have been seen 17 times slower."""
    return _libraries().limit(limits=1)


@cache
def _libraries() -> ThreadpoolController:
    """The libraries loaded by now, numpy's, scipy's, scikit-learn's and torch's among them.

    Finding them takes some milliseconds, as long as a small reduction.
    """
    return ThreadpoolController()


def triangular_factor(matrix: Array) -> Array:
    """``R`` of ``QR``: a square root of the Gram matrix of the columns, without squaring."""
    with one_thread():
        return cast(Array, np.linalg.qr(matrix, mode="r"))


def kmeans(features: Array | Gram, k: int, seed: int, n_init: int = 10) -> IntArray:
    """Cluster the rows of ``features [n, D]`` into exactly ``k`` non-empty clusters.

    The best of ``n_init`` K-means++ starts, one thread, deterministic in ``seed``; by scikit-learn
    up to ``MANY`` rows, from the Gram matrix above (:mod:`tropnnc.gram_kmeans`). Clusters are
    numbered by their first member. Where there are fewer than ``k`` distinct rows, clusters of
    equal rows are split, which costs nothing, until there are ``k``.

    Returns:
        labels ``[n]`` in ``0 … k−1``.
    """
    if k == len(features):
        return np.arange(k)
    if len(features) > MANY and not isinstance(features, Gram):
        features = comparable(features)
    with one_thread():
        if isinstance(features, Gram):
            labels = gram_kmeans(features.products, k, np.random.default_rng(seed), n_init)
        else:
            labels = _by_scikit_learn(features, k, seed, n_init)
    return number_by_first_member(split_to(labels, k))


def _by_scikit_learn(features: Array, k: int, seed: int, n_init: int) -> IntArray:
    """Labels ``[n]``; fewer than ``k`` of them where rows are equal."""
    estimator = KMeans(n_clusters=k, random_state=seed % 2**32).set_params(n_init=n_init)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(estimator.fit_predict(features), dtype=np.int64)


def split_to(labels: IntArray, k: int) -> IntArray:
    """Split the largest clusters of ``labels [n]`` until ``k`` are non-empty."""
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    for new in range(labels.max() + 1, k):
        members = np.flatnonzero(labels == np.bincount(labels).argmax())
        labels[members[len(members) // 2 :]] = new
    return labels


def number_by_first_member(labels: IntArray) -> IntArray:
    """Rename clusters so that they appear in ascending order."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def inertia(features: Array, labels: IntArray) -> float:
    """Sum of squared distances of the rows to the mean of their cluster."""
    centres = membership(labels) @ features / np.bincount(labels)[:, None]
    return float(((features - centres[labels]) ** 2).sum())


def membership(labels: IntArray) -> Array:
    """The 0/1 matrix ``[k, n]`` of who is in which cluster."""
    return (labels[None, :] == np.arange(labels.max() + 1)[:, None]).astype(np.float64)
