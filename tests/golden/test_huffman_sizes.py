"""Bytes of HAM, sHAM and the range coder on Caffe's LeNet-300-100: relatives.md A4."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.sharing.cws import Cws
from baselines.sharing.network import share_network
from tests.caffe import lenet300100
from tests.sharing.layers import shared_layers
from tests.storage.tensors import frequencies, payload
from tropnnc.storage.sizes import entropy_bits, stream_bits


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    return lenet300100()


def pruned_and_shared(dense: nn.Module, prune: float, k: int) -> list[Tensor]:
    layers = shared_layers(share_network(dense, Cws(), k, prune=prune))
    return [layer.weight.detach() for layer in layers.values()]


def kilobytes(weights: list[Tensor], codec: str) -> float:
    return sum(len(payload(weight, codec)) for weight in weights) / 1000


@pytest.mark.parametrize(
    ("prune", "k", "ham", "sham"),
    [
        (50, 32, 85.3, 319.1),
        (50, 64, 96.7, 330.6),
        (50, 256, 110.9, 344.7),
        (80, 32, 51.3, 125.1),
        (80, 64, 55.3, 129.1),
        (80, 256, 62.9, 136.7),
        (90, 32, 42.7, 63.3),
        (90, 64, 44.4, 65.0),
        (90, 256, 48.6, 69.3),
        (95, 32, 37.7, 31.8),
        (98, 32, 35.1, 13.2),
        (99, 32, 34.2, 7.0),
    ],
)
def test_what_is_written_is_what_the_table_has(
    dense: nn.Module, prune: float, k: int, ham: float, sham: float
) -> None:
    """To its last digit: a layer's payload has one or two bytes more than the formula."""
    weights = pruned_and_shared(dense, prune, k)
    assert kilobytes(weights, "ham") == pytest.approx(ham, abs=0.06)
    assert kilobytes(weights, "sham") == pytest.approx(sham, abs=0.06)


def test_tight_indices_tie_at_90_percent(dense: nn.Module) -> None:
    assert kilobytes(pruned_and_shared(dense, 90, 32), "sham_tight") == pytest.approx(43.0, abs=0.1)


def test_one_stream_of_the_range_coder_is_at_the_entropy(dense: nn.Module) -> None:
    """47,904 bytes there, of an entropy of 47,898; 57,431 by Huffman."""
    weights = torch.cat([weight.flatten() for weight in pruned_and_shared(dense, 80, 64)])
    counts = frequencies(weights)
    assert entropy_bits(counts) / 8 == pytest.approx(47_898, abs=1)
    assert np.ceil(stream_bits(counts) / 8) == 57_431
    tables = len(counts) * 4 + 4  # the codebook and its length; frequencies have 1 to 3 bytes each
    stream = len(payload(weights[None], "range")) - tables
    assert 47_898 + len(counts) <= stream <= 47_910 + 3 * len(counts)
