"""Positions of ResNet-20's largest gradients: relatives.md C2, whole bytes without headers."""

from __future__ import annotations

import pickle
import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from experiments.data import data_files
from experiments.data.dataset import normalise
from experiments.networks_cifar.resnet import ResNet
from experiments.settings import DatasetSettings
from tests.caffe import weights
from tests.golden.test_cifar import DATA
from tests.golden.test_relatives_resnet20 import MEAN, STD
from tropnnc.indexcodec.bloom import BloomFilter
from tropnnc.indexcodec.prefix import best_low, delta_bits, gamma_bits, rice_bits
from tropnnc.unit import Array

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def gradient() -> Array:
    """Of the first 128 original training images in training mode, all parameters in one vector."""
    first = data_files("cifar10", DATA)[0]
    if not first.is_file():
        pytest.skip(f"no {first} (make data)")
    batch = pickle.loads(first.read_bytes(), encoding="latin1")
    pixels = torch.from_numpy(batch["data"][:128]).view(-1, 3, 32, 32)
    labels = torch.tensor(batch["labels"][:128])
    model = ResNet(20, 10)
    model.load_state_dict(weights("cifar10_resnet20"))
    images = normalise(pixels, DatasetSettings("cifar10", mean=MEAN, std=STD))
    F.cross_entropy(model.train()(images), labels).backward()
    parts = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(parts).double().numpy()


@pytest.mark.parametrize(
    ("share", "gamma", "delta", "rice", "low", "zipped"),
    [
        (0.01, 1_942, 1_895, 2_828, 6, 2_391),
        (0.1, 12_984, 13_960, 16_565, 3, 14_454),
    ],
)
def test_bytes_of_gap_codes(
    gradient: Array, share: float, gamma: int, delta: int, rice: int, low: int, zipped: int
) -> None:
    kept = round(share * len(gradient))
    chosen = np.zeros(len(gradient), dtype=np.bool_)
    chosen[np.argsort(-np.abs(gradient), kind="stable")[:kept]] = True
    gaps = np.diff(np.flatnonzero(chosen), prepend=-1) - 1
    assert len(gradient) == 269_722
    assert best_low(gaps) == low
    found = [len(bits) / 8 for bits in (gamma_bits(gaps), delta_bits(gaps), rice_bits(gaps, low))]
    found.append(len(zlib.compress(np.packbits(chosen).tobytes(), 9)))
    assert found == pytest.approx([gamma, delta, rice, zipped], rel=0.005)
    for rate in (0.001, 0.01, 0.02):
        members = BloomFilter.of(np.flatnonzero(chosen), rate).members(len(gradient))
        assert len(members) - kept == pytest.approx(rate * (len(gradient) - kept), rel=0.2)
