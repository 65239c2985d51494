"""Kernels of random ReLU networks and of their NTK-LC: how far apart, and from theory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import eigsh

from baselines.ntk_lc import Match, RandomFeatures, WeightLaw, match, random_features
from baselines.ntk_lc.activations import RELU
from baselines.ntk_lc.equivalent import conjugate_equivalent, hollow_tangent_equivalent
from baselines.ntk_lc.kernels import expected_kernels
from baselines.ntk_lc.mixture import Mixture, paper_mixture, statistics
from baselines.ntk_lc.recursion import conjugate, tangent
from experiments.ntk.settings import SpectrumCell
from tropnnc.seeding import derive_rng, derive_seed
from tropnnc.unit import Array, IntArray

BINS = 60
Pair = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Problem:
    """Points of the mixture, the matched layers, and ``τ₀``."""

    mixture: Mixture
    points: Array
    labels: IntArray
    tau0: float
    matches: tuple[Match, ...]

    @property
    def shift(self) -> float:
        """By which NTK-LC's conjugate kernel is larger."""
        return self.matches[-1].shift


def measure_spectrum(cell: SpectrumCell) -> dict[str, Any]:
    """The body of the cell's record."""
    start = time.perf_counter()
    problem = _problem(cell)
    conjugates, tangents = _exact(problem)
    body: dict[str, Any] = {
        "tau0": problem.tau0,
        "shift": problem.shift,
        "conjugate": _compare(conjugates, problem.shift),
        "tangent": _compare(tangents, 0.0),
    }
    if cell.finite:
        body["finite"] = _compare(_finite(cell, problem), problem.shift)
    if cell.histogram:
        kinds = {"conjugate": (conjugates, problem.shift), "tangent": (tangents, 0.0)}
        body["histograms"] = {name: _histograms(*pair) for name, pair in kinds.items()}
    return body | {"timing": {"seconds": round(time.perf_counter() - start, 3)}}


def _problem(cell: SpectrumCell) -> Problem:
    mixture = paper_mixture(cell.dimension)
    labels = np.arange(cell.n) % len(mixture.variances)
    points = mixture.draw(labels, derive_rng(cell.draw, "ntk spectrum", cell.n, cell.dimension))
    tau0 = float((points**2).sum(axis=1).mean() ** 0.5)
    return Problem(mixture, points, labels, tau0, match([RELU] * cell.depth, tau0))


def _exact(problem: Problem) -> tuple[Pair, Pair]:
    """Conjugate and (hollow) tangent kernels: of infinite networks, and of the theory."""
    points, matches = problem.points, problem.matches
    relu = [RELU] * len(matches)
    original = expected_kernels(points, relu, [each.original.mean for each in matches])
    sigmas = [each.activation.activation for each in matches]
    ternary = expected_kernels(points, sigmas, [each.matched.mean for each in matches])
    known = [each.original for each in matches]
    figures = statistics(problem.mixture, points, problem.labels)
    alpha, beta = conjugate(known)[-1], tangent(known)[-1]
    theory = conjugate_equivalent(points, figures, alpha, problem.tau0, known[-1].tau)
    hollow = hollow_tangent_equivalent(points, figures, beta)
    return (
        {"original": original.conjugate, "ntk_lc": ternary.conjugate, "theory": theory},
        {"original": original.hollow_tangent, "ntk_lc": ternary.hollow_tangent, "theory": hollow},
    )


def _finite(cell: SpectrumCell, problem: Problem) -> Pair:
    """Conjugate kernels of one draw each, as wide as there are points."""
    widths = [*[cell.n] * (cell.depth - 1), cell.n // 2]
    sigmas = [each.activation for each in problem.matches]
    laws = {
        "original": (WeightLaw("gaussian"), [RELU] * cell.depth),
        "ntk_lc": (WeightLaw("ternary", cell.sparsity), sigmas),
    }
    seed = derive_seed(cell.draw, "ntk spectrum network")
    return {
        name: _kernel(
            random_features(cell.dimension, widths, activations, law, seed, problem.tau0),
            problem.points,
        )
        for name, (law, activations) in laws.items()
    }


def _kernel(network: RandomFeatures, points: Array) -> Array:
    features = network(torch.from_numpy(points).float()).double().numpy()
    return features @ features.T


def _compare(kernels: Pair, shift: float) -> dict[str, float]:
    """Spectral norms of differences over that of the original, and alignment of top vectors."""
    original = kernels["original"]
    size, top = _top(original)
    found = {"norm": size}
    for name in kernels.keys() - {"original"}:
        other = kernels[name]
        own = shift if name == "ntk_lc" else 0.0
        found[f"{name}_raw"] = _norm(other - original) / size
        found[f"{name}_error"] = _norm(other - original - own * np.eye(len(original))) / size
        found[f"{name}_alignment"] = abs(float(top @ _top(other)[1]))
    return dict(sorted(found.items()))


def _top(matrix: Array) -> tuple[float, Array]:
    """The eigenvalue of largest modulus, its modulus, and its vector."""
    start = np.random.default_rng(0).standard_normal(len(matrix))
    values, vectors = eigsh(matrix, k=1, which="LM", v0=start)
    return abs(float(values[0])), vectors[:, 0]


def _norm(matrix: Array) -> float:
    return _top(matrix)[0]


def _histograms(kernels: Pair, shift: float) -> dict[str, Any]:
    """Shares of eigenvalues in common bins, NTK-LC's without its shift, and the largest of each."""
    shifts = {"ntk_lc": shift}
    values = {name: np.linalg.eigvalsh(k) - shifts.get(name, 0.0) for name, k in kernels.items()}
    bulk = np.concatenate([each[5:-5] for each in values.values()])
    edges = np.linspace(bulk.min(), bulk.max(), BINS + 1)
    shares = {name: np.histogram(each, edges)[0] / len(each) for name, each in values.items()}
    return {
        "edges": [float(f"{edge:.6g}") for edge in edges],
        "shares": {name: [float(x) for x in share] for name, share in shares.items()},
        "largest": {name: [float(x) for x in each[-5:]] for name, each in values.items()},
    }
