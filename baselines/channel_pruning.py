"""Channel pruning (He, Zhang and Sun, ICCV 2017): LASSO chooses channels, least squares refits.

From memory of the paper. With ``X_c`` what channel c adds to a consumer's outputs, as the network
is compressed so far, and Y those outputs in the dense network, at sampled positions:

1. ``argmin_β ½‖Y − Σ_c β_c X_c‖² + λ‖β‖₁``, λ raised from 0 until no more than k channels remain;
2. ``argmin_W' ‖Y − X' W'‖²`` over all taps of those k.

The path of the LASSO over λ is followed exactly (LARS) instead of searched, which leaves k channels
where the published code accepts a tolerance; channels that never enter come last, by energy. The
paper's filters of unit length and its multi-branch rules are not part of it. A ridge of 1e-6 of the
mean diagonal, towards the weights as they are, settles what the samples leave open. Memory: two
squares of a consumer's input width (channels times taps).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path_gram

from baselines.thinet_sampling import sampled_patches
from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError, check_at_least_one
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width
from tropnnc.unit import Array, Calibration, Consumer, IntArray, Point, Tier, Unit

Flags = NDArray[np.bool_]

_RIDGE = 1e-6


@dataclass(frozen=True)
class Normal:
    """Normal equations of one consumer with ``q = n·taps`` inputs, channels slowest.

    Attributes:
        weights: as they are ``[q, m]``.
        inner: ``XᵀX [q, q]``.
        missing: ``Xᵀ(Y − X·weights) [q, m]``, what the units before have changed.
    """

    weights: Array
    inner: Array
    missing: Array


@dataclass(frozen=True)
class Prepared:
    """A unit, the normal equations of its consumers and the supports ``[n, steps]`` of the path."""

    unit: Unit
    normals: tuple[Normal, ...]
    supports: Flags
    energy: Array


@dataclass(frozen=True)
class ChannelPruning:
    """LASSO selection, then a fit of every tap.

    Attributes:
        samples_per_image: positions drawn from each image for a convolution.
    """

    samples_per_image: int = 10

    needs = Tier.IMAGES
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_at_least_one("samples_per_image", self.samples_per_image)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Sample, and follow the LASSO's path.

        Raises:
            TropnncError: the unit has no calibration images.
        """
        if unit.calibration is None:
            raise TropnncError(f"{unit.name}: channel pruning needs calibration images")
        with one_thread():
            normals = tuple(
                normal_equations(unit, index, unit.calibration, self.samples_per_image, rng)
                for index in range(len(unit.consumers))
            )
            gram, target = contributions(normals, unit.neurons)
            return Prepared(unit, normals, lasso_supports(gram, target), np.diag(gram))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Keep ``k`` channels and refit the consumers."""
        unit = state.unit
        check_width(unit, k)
        kept = remaining(state.supports, state.energy, k)
        with one_thread():
            outgoing = tuple(refitted(normal, kept, unit.neurons) for normal in state.normals)
        return Reduction(incoming=unit.incoming[kept], outgoing=outgoing, kept=kept)


def normal_equations(
    unit: Unit, index: int, calibration: Calibration, samples: int, rng: np.random.Generator
) -> Normal:
    """Of the consumer ``index``, its inputs as compressed so far against its dense outputs."""
    consumer = unit.consumers[index]
    weights = np.ascontiguousarray(consumer.outgoing.transpose(1, 2, 0))
    weights = weights.reshape(-1, weights.shape[-1])
    inner, missing = np.zeros((len(weights), len(weights))), np.zeros_like(weights)
    points = (
        Point("consumer_input", "current", index),
        Point("consumer_input", "dense", index),
    )
    for now, before in calibration.stream(*points):
        draws = rng.random((2, len(now), samples))
        rows, dense = (_rows(consumer, h.double().cpu(), draws) for h in (now, before))
        inner += rows.T @ rows
        missing += rows.T @ ((dense - rows) @ weights)
    return Normal(weights, inner, missing)


def _rows(consumer: Consumer, hidden: torch.Tensor, draws: Array) -> Array:
    """What the consumer reads at the places ``draws [2, b, samples]``, ``[rows, n·taps]``."""
    if consumer.geometry is None:
        return hidden.flatten(1).numpy()
    patches = sampled_patches(consumer.geometry, hidden, draws[0], draws[1])
    return np.asarray(patches.reshape(-1, consumer.outgoing[0].size), dtype=np.float64)


def contributions(normals: tuple[Normal, ...], neurons: int) -> tuple[Array, Array]:
    """``⟨X_c, X_c'⟩ [n, n]`` and ``⟨X_c, Y⟩ [n]``, summed over consumers."""
    gram, missing = np.zeros((neurons, neurons)), np.zeros(neurons)
    for normal in normals:
        products = normal.inner * (normal.weights @ normal.weights.T)
        gram += products.reshape(neurons, -1, neurons, len(products) // neurons).sum(axis=(1, 3))
        missing += (normal.missing * normal.weights).reshape(neurons, -1).sum(axis=1)
    return gram, gram.sum(axis=1) + missing


def lasso_supports(gram: Array, target: Array) -> Flags:
    """Which channels are in at each knot of the path, λ falling: ``[n, steps]`` of booleans."""
    with warnings.catch_warnings():
        # Dependent channels are dropped from the path, which is what is wanted.
        warnings.simplefilter("ignore", ConvergenceWarning)
        path = lars_path_gram(target, gram, n_samples=1, method="lasso")
    return np.asarray(path[2]) != 0


def remaining(supports: Flags, energy: Array, k: int) -> IntArray:
    """The channels ``[k]`` that remain when λ, raised from 0, first leaves no more than ``k``."""
    few = np.flatnonzero(supports.sum(axis=0) <= k)
    inside = supports[:, few[-1]]
    order = np.lexsort((-energy, ~inside))
    return np.sort(order[:k])


def refitted(normal: Normal, kept: IntArray, neurons: int) -> Array:
    """Weights of every tap of the ``kept`` channels, ``[m, k, taps]``."""
    taps = len(normal.weights) // neurons
    inside = np.repeat(np.isin(np.arange(neurons), kept), taps)
    inner = normal.inner[inside][:, inside]
    lost = normal.inner[inside][:, ~inside] @ normal.weights[~inside]
    ridge = _RIDGE * (np.mean(np.diag(inner)) or 1.0)
    system = inner + ridge * np.eye(len(inner))
    new = normal.weights[inside] + np.linalg.solve(system, lost + normal.missing[inside])
    return new.reshape(len(kept), taps, -1).transpose(2, 0, 1)
