"""Model Folding (Wang, Šikić, Thiele and Saukh, ICLR 2025): cluster neurons, average, add.

A cluster's row is the mean of its rows, its column the **sum** of its columns: without batch norm
the rule of ``tropnnc``, by Hartigan's K-means instead of Lloyd's. With batch norm:

- ``model_folding`` (Fold-naive) averages filter, γ, β, running mean and running variance, each by
  itself;
- ``model_folding_ar`` (Fold-AR) averages the normalised filters ``a_i/σ_i`` and undoes the loss of
  variance: times ``N/√(N + (N²−N)·E)``, E the mean cosine of two of the cluster's N filters, which
  is their correlation if the layer's inputs are uncorrelated.

As the paper has it and unlike the public code (marza96/ModelFolding, seen): E is computed on the
filters alone, not on the concatenation with the outgoing columns, and the features are neither
rescaled by quantiles nor reduced by PCA. The biases, which the paper leaves out of its notation,
are features of their own and are averaged. Behind a merged layer re-calibration restores γ times
the normalised row, so that Fold-AR re-calibrated is the paper's Fold-R. Reductions of inner units
only: folding a residual stream, and Fold-DIR, which makes images, are out of scope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.hartigan import hartigan
from tropnnc.clustering import membership, project
from tropnnc.errors import check_at_least_one
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width
from tropnnc.unit import Array, BatchNorm, Tier, Unit


@dataclass(frozen=True)
class Prepared:
    """A unit, what is clustered ``[n, ≤ n]`` and the seed of the starts."""

    unit: Unit
    points: Array
    seed: int


@dataclass(frozen=True)
class ModelFolding:
    """Merge clusters of neurons by their means and sums.

    Attributes:
        repair: Fold-AR instead of Fold-naive; without batch norm there is nothing to repair.
        n_init: starts of the clustering, the best is kept.
    """

    repair: bool
    n_init: int = 10

    needs = Tier.STATISTICS
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_at_least_one("n_init", self.n_init)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Concatenate what is clustered."""
        points = project(folding_features(unit, normalised=self.repair))
        return Prepared(unit, points, int(rng.integers(2**31)))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Cluster into ``k`` and merge."""
        unit = state.unit
        check_width(unit, k)
        rng = np.random.default_rng((state.seed, k))
        labels = hartigan(state.points, k, rng, self.n_init)
        members = membership(labels)
        mean = members / members.sum(axis=1, keepdims=True)
        rows, norm = mean @ unit.incoming, None
        if unit.batch_norm is not None:
            own = _effective(unit, unit.batch_norm)
            rows, norm = _repaired(unit, own, members) if self.repair else _naive(unit, own, mean)
        return Reduction(
            incoming=rows, mix=members.T, combination=mean, batch_norm=norm, clusters=labels
        )


def folding_features(unit: Unit, normalised: bool) -> Array:
    """One row per neuron: the layer's own parameters, then the outgoing weights.

    ``[w | b | C]`` without batch norm; with it ``[a | b | γ | β | C]``, or normalised by σ
    ``[a/σ | (b−μ)/σ | γ | β | C]``. Rows of depthwise convolutions join the layer's own.
    """
    norm = unit.batch_norm
    own = [unit.filters, unit.filter_bias[:, None]]
    if norm is not None and normalised:
        shifted = unit.filter_bias - norm.running_mean
        own = [unit.filters / norm.std[:, None], (shifted / norm.std)[:, None]]
    if norm is not None:
        own += [norm.weight[:, None], norm.bias[:, None]]
    stages = [stage.incoming for stage in unit.depthwise]
    return np.concatenate([*own, *stages, unit.outgoing], axis=1)


def _effective(unit: Unit, norm: BatchNorm) -> BatchNorm:
    """The batch norm as if the layer had no bias."""
    mean = norm.running_mean - unit.filter_bias
    return BatchNorm(norm.weight, norm.bias, mean, norm.running_var, norm.eps)


def _naive(unit: Unit, norm: BatchNorm, mean: Array) -> tuple[Array, BatchNorm]:
    """Rows ``[k, d+1]`` and batch norm of which each parameter is its mean over a cluster."""
    merged = BatchNorm(
        mean @ norm.weight,
        mean @ norm.bias,
        mean @ norm.running_mean,
        mean @ norm.running_var,
        norm.eps,
    )
    return _folded(mean @ unit.filters, merged), merged


def _repaired(unit: Unit, norm: BatchNorm, members: Array) -> tuple[Array, BatchNorm]:
    """Rows ``[k, d+1]`` and batch norm of the normalised rows' means, repaired."""
    mean = members / members.sum(axis=1, keepdims=True)
    # The factor is 1/σ of a batch norm, where re-calibration would measure it.
    variance = 1.0 / variance_factor(unit.filters, members) ** 2
    merged = BatchNorm(
        mean @ norm.weight,
        mean @ norm.bias,
        mean @ (norm.running_mean / norm.std),
        np.maximum(variance, 2 * norm.eps) - norm.eps,
        norm.eps,
    )
    return _folded(mean @ (unit.filters / norm.std[:, None]), merged), merged


def variance_factor(filters: Array, members: Array) -> Array:
    """``N/√(N + (N²−N)·E) [k]``, which is ``N/‖Σ a_i/‖a_i‖‖``; 1 where no filter is left."""
    norms = np.linalg.norm(filters, axis=1)
    directions = filters / np.where(norms > 0, norms, 1.0)[:, None]
    lengths = np.linalg.norm(members @ directions, axis=1)
    sizes = members.sum(axis=1)
    return np.divide(sizes, lengths, out=np.ones_like(sizes), where=lengths > 0)


def _folded(filters: Array, norm: BatchNorm) -> Array:
    """What ReLU sees of ``filters [k, d]`` behind ``norm``, ``[k, d+1]``."""
    bias = norm.bias - norm.scale * norm.running_mean
    return np.column_stack([filters * norm.scale[:, None], bias])


def model_folding(n_init: int = 10) -> ModelFolding:
    """Fold-naive: every parameter of a cluster averaged, the outgoing weights added."""
    return ModelFolding(repair=False, n_init=n_init)


def model_folding_ar(n_init: int = 10) -> ModelFolding:
    """Fold-AR: the same on normalised filters, their loss of variance made up for."""
    return ModelFolding(repair=True, n_init=n_init)
