"""Measure one network: features, read-out chosen on validation images, test images counted."""

from __future__ import annotations

import base64
import time
from typing import Any

import numpy as np
import torch

from baselines.ntk_lc import RandomFeatures
from baselines.ntk_lc.readout import Readout, best, logistic_path, penalties, ridge_path
from experiments.ntk.data import Part, Vectors
from experiments.ntk.mlp import correct, parameters, train_mlp
from experiments.ntk.networks import draw_network
from experiments.ntk.settings import AccuracyCell
from tropnnc.unit import Array

# Penalties in units of τ², the mean squared norm of the features.
RIDGE = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
LOGISTIC = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
BATCH = 1000


def measure_accuracy(cell: AccuracyCell, vectors: Vectors) -> dict[str, Any]:
    """The body of the cell's record."""
    if cell.method == "trained_mlp":
        return _measure_mlp(cell, vectors)
    start = time.perf_counter()
    drawn = draw_network(cell, vectors.train.x.shape[1])
    train, held, test = (
        features(drawn.network, part) for part in (vectors.train, vectors.validation, vectors.test)
    )
    middle = time.perf_counter()
    tau = drawn.network.tau
    if cell.readout == "ridge":
        chosen = penalties(RIDGE, tau, drawn.reference, drawn.shift)
        path = ridge_path(train, vectors.train.labels, vectors.classes, chosen)
    else:
        path = logistic_path(train / tau, vectors.train.labels, LOGISTIC)
        held, test = held / tau, test / tau
    readout = best(path, held, vectors.validation.labels)
    hits = readout.predict(test) == vectors.test.labels
    return {
        **_counted(vectors, hits),
        "validation": readout.correct(held, vectors.validation.labels),
        **_network(drawn.network, readout, drawn.shift),
        "timing": {
            "features_seconds": round(middle - start, 3),
            "readout_seconds": round(time.perf_counter() - middle, 3),
        },
    }


def features(network: RandomFeatures, part: Part) -> Array:
    """Features ``[n, d]`` float32, batch by batch."""
    return torch.cat([network(batch) for batch in part.x.split(BATCH)]).numpy()


def _network(network: RandomFeatures, readout: Readout, shift: float) -> dict[str, Any]:
    """``shift``: by which the kernel is above the original's, a ridge of its own."""
    return {
        "weights": sum(layer.weights for layer in network.facts),
        "nonzeros": sum(layer.nonzeros for layer in network.facts),
        "tau": network.tau,
        "shift": shift,
        "penalty": readout.penalty,
    }


def _measure_mlp(cell: AccuracyCell, vectors: Vectors) -> dict[str, Any]:
    start = time.perf_counter()
    trained = train_mlp(cell, vectors)
    inputs, depth = vectors.train.x.shape[1], len(cell.widths)
    count = parameters(inputs, trained.width, depth, vectors.classes)
    return {
        **_counted(vectors, correct(trained.model, vectors.test).numpy()),
        "validation": trained.validation,
        "weights": count,
        "nonzeros": count,
        "mlp_width": trained.width,
        "rate": trained.rate,
        "timing": {"train_seconds": round(time.perf_counter() - start, 3)},
    }


def _counted(vectors: Vectors, hits: np.ndarray) -> dict[str, Any]:
    return {
        "classes": vectors.classes,
        "train_images": len(vectors.train.labels),
        "total": len(hits),
        "correct": int(hits.sum()),
        "bits": base64.b64encode(np.packbits(hits).tobytes()).decode(),
        "validation_total": len(vectors.validation.labels),
    }
