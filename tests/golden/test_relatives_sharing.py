"""Pruned and shared values of Caffe's LeNet-300-100: the table of relatives.md A4."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from baselines.sharing.cws import Cws
from baselines.sharing.ecsq import Ecsq
from baselines.sharing.network import share_network
from baselines.sharing.pws import Pws
from baselines.sharing.scheme import Scheme
from baselines.sharing.uq import Uq
from tests.caffe import lenet300100, percent
from tests.sharing.layers import shared_layers


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    return lenet300100()


def pooled_bits(model: nn.Module) -> float:
    """Zero-order entropy of a code, by the frequencies in all layers together."""
    codes = np.concatenate([m.codes.numpy().ravel() for m in shared_layers(model).values()])
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(shares * np.log2(shares)).sum())


def kilobytes(model: nn.Module) -> float:
    """Zero-order entropy of the codes, each layer by its own frequencies."""
    bits = 0.0
    for module in shared_layers(model).values():
        counts = np.unique(module.codes.numpy(), return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    return bits / 8000


# Accuracy and kB of entropy of the table; one image of 2,000 is 0.05.
@pytest.mark.parametrize(
    ("prune", "k", "expected", "entropy"),
    [
        (50, 32, 96.95, 84.1),
        (50, 64, 96.85, 95.6),
        (50, 256, 96.80, 109.5),
        (80, 32, 90.75, 41.6),
        (80, 64, 91.75, 45.5),
        (80, 256, 91.20, 52.6),
        (90, 32, 75.95, 24.7),
        (90, 64, 76.40, 26.3),
        (90, 256, 76.30, 30.1),
    ],
)
def test_pruned_and_clustered(
    dense: nn.Module, prune: float, k: int, expected: float, entropy: float
) -> None:
    model = share_network(dense, Cws(), k, prune=prune)
    assert percent(model) == pytest.approx(expected, abs=0.051)
    assert kilobytes(model) == pytest.approx(entropy, abs=0.06)


@pytest.mark.parametrize(
    ("scheme", "expected", "distinct", "entropy"),
    [
        (Cws(), 96.90, 28, 3.75),
        (Uq(), 96.80, 32, 1.93),
        (Pws(), 76.50, 32, 4.92),  # the same draws: unusable without retraining
        (Ecsq(1e-5), 96.10, 32, 4.61),
    ],
)
def test_shared_without_pruning(
    dense: nn.Module, scheme: Scheme, expected: float, distinct: int, entropy: float
) -> None:
    model = share_network(dense, scheme, 32)
    assert percent(model) == pytest.approx(expected, abs=0.151)
    first, *_ = shared_layers(model).values()
    assert len(first.codebook) == pytest.approx(distinct, abs=1)
    loose = 0.03 if isinstance(scheme, Ecsq) else 0.006  # ours settles at 31 values
    assert pooled_bits(model) == pytest.approx(entropy, abs=loose)
