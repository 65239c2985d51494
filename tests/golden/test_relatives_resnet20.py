"""What relatives.md A4 and B.7 measured on the published ResNet-20, to the digit it gives."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.bits import UniformBits
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.low_rank_sparse import LowRankSparse
from baselines.rewriters.network import layers_of, rewrite_network, touched
from baselines.rewriters.nm import Nm
from baselines.rewriters.protocol import Bits, Budget, Layer, Parameters, Pattern, Rewriter
from baselines.rewriters.svd import SvdChannel, SvdSpatial
from baselines.rewriters.tensor_train import TensorTrain
from baselines.rewriters.tucker2 import Tucker2
from experiments.data.dataset import normalise
from experiments.networks_cifar.resnet import ResNet
from experiments.settings import DatasetSettings
from tests.caffe import IMAGES, weights
from tests.golden.test_cifar import at_hand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = None  # of the parameters of each layer but the first convolution and the read-out


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    model = ResNet(20, 10)
    model.load_state_dict(weights("cifar10_resnet20"))
    return model.eval()


@pytest.fixture(scope="module")
def examples() -> tuple[Tensor, Tensor]:
    test = at_hand("cifar10").test.take(torch.arange(IMAGES))
    return normalise(test.images, DatasetSettings("cifar10", mean=MEAN, std=STD)), test.labels


def half(_: str, layer: Layer) -> Parameters:
    return Parameters(layer.weight.numel() // 2)


# One image of 2,000 is 0.05: kernels of convolutions may differ by the machine.
@pytest.mark.parametrize(
    ("rewriter", "budget", "expected"),
    [
        (Nm("channel"), Pattern(2, 4), 72.75),  # the first convolution is dense: it would straddle
        (Nm("channel"), Pattern(1, 4), 19.25),
        (Nm("channel"), Pattern(4, 8), 81.15),
        (Nm("flat"), Pattern(2, 4), 48.70),  # likewise
        (UniformBits("channel"), Bits(3), 83.15),
        (UniformBits("tensor"), Bits(4), 87.40),
        (UniformBits("channel"), Bits(4), 89.15),
        (SvdChannel(), HALF, 15.0),
        (SvdSpatial(), HALF, 68.9),
        (Tucker2(), HALF, 26.7),
        (TensorTrain(), HALF, 56.5),
        (HierarchicalTucker(), HALF, 35.8),
        (LowRankSparse(positions="entry"), HALF, 81.2),
    ],
)
def test_accuracies(
    dense: nn.Module,
    examples: tuple[Tensor, Tensor],
    rewriter: Rewriter,
    budget: Budget | None,
    expected: float,
) -> None:
    of_layer = half if budget is None else partial(_same, budget)
    names = touched(dense) if budget is None else tuple(layers_of(dense))
    model, _ = rewrite_network(dense, rewriter, of_layer, names)
    images, labels = examples
    with torch.inference_mode():
        batches = zip(images.split(250), labels.split(250), strict=True)
        correct = sum(int((model(x).argmax(1) == y).sum()) for x, y in batches)
    assert 100 * correct / IMAGES == pytest.approx(expected, abs=0.101)


def _same(budget: Budget, _: str, __: Layer) -> Budget:
    return budget
