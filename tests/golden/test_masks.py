"""Masks of the published ResNet-20, the largest magnitudes of all its kernels: relatives.md C2."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.caffe import weights
from tropnnc.indexcodec import encode, smallest
from tropnnc.indexcodec.prefix import gamma_bits
from tropnnc.unit import Array, IntArray

HEADER = 1 + 3 + 3  # at most: tag, n, number of positions


@pytest.fixture(scope="module")
def layers() -> list[Array]:
    tensors = weights("cifar10_resnet20").values()
    return [tensor.abs().flatten().double().numpy() for tensor in tensors if tensor.ndim > 1]


def largest(magnitudes: Array, share: float) -> IntArray:
    kept = round(share * len(magnitudes))
    return np.sort(np.argsort(-magnitudes, kind="stable")[:kept])


@pytest.mark.parametrize(
    ("share", "gamma"), [(0.5, 34_216), (0.2, 23_177), (0.1, 15_392), (0.02, 4_488)]
)
def test_bytes_of_elias_gamma(layers: list[Array], share: float, gamma: int) -> None:
    """Whole bytes there; ours has the rest of the last byte, and a header."""
    magnitudes = np.concatenate(layers)
    chosen = largest(magnitudes, share)
    assert len(magnitudes) == 268_336
    assert len(gamma_bits(np.diff(chosen, prepend=-1) - 1)) // 8 == gamma
    assert 0 < len(encode(chosen, len(magnitudes), "gamma")) - gamma <= HEADER + 1
    assert 0 < len(encode(chosen, len(magnitudes), "bitmap")) - 33_542 <= HEADER


@pytest.mark.parametrize(
    ("share", "bound"), [(0.5, 32_370), (0.2, 22_855), (0.1, 14_608), (0.02, 3_954)]
)
def test_the_smallest_code_of_each_tensor_is_near_the_bound_for_uniform_sets(
    layers: list[Array], share: float, bound: int
) -> None:
    """The bound, log2 C(n, k) of every tensor, is reached and passed: large weights cluster."""
    chosen = torch.zeros(sum(map(len, layers)), dtype=torch.bool)
    chosen[largest(np.concatenate(layers), share)] = True
    parts = chosen.split([len(layer) for layer in layers])
    size = sum(len(smallest(part.nonzero()[:, 0].numpy(), len(part))) for part in parts)
    assert 0.95 * bound < size < 1.03 * bound
