"""What relatives.md A4 and B.7 measured on Caffe's LeNet-5, to one image of 2,000."""

from __future__ import annotations

import pytest
from torch import nn

from baselines.rewriters.bits import UniformBits
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.low_rank_sparse import LowRankSparse
from baselines.rewriters.network import layers_of, rewrite_network
from baselines.rewriters.nm import Nm
from baselines.rewriters.protocol import Bits, Budget, Pattern, Rewriter
from baselines.rewriters.svd import SvdChannel, SvdSpatial
from baselines.rewriters.tensor_train import TensorTrain
from baselines.rewriters.tucker2 import Tucker2
from baselines.sharing.cws import Cws
from baselines.sharing.network import share_network
from experiments.architectures import LeNet5Caffe
from tests.caffe import percent, percent_in_format, weights
from tests.golden.test_relatives_sharing import kilobytes

pytestmark = pytest.mark.slow
ONE_IMAGE = 0.051


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    model = LeNet5Caffe()
    model.load_state_dict(weights("mnist_lenet5_caffe"))
    return model.eval()


# At a half and a quarter of the parameters; the first convolution and the read-out stay.
@pytest.mark.parametrize(
    ("rewriter", "expected"),
    [
        (SvdChannel(), (98.75, 97.50)),
        (SvdSpatial(), (98.45, 98.35)),
        (Tucker2(), (98.75, 97.50)),
        (TensorTrain(), (98.40, 98.40)),
        (TensorTrain("merged"), (97.80, 90.60)),
        (HierarchicalTucker(), (98.45, 98.15)),
        (LowRankSparse(positions="entry"), (98.70, 97.60)),
    ],
)
def test_accuracies_of_formats(
    dense: nn.Module, rewriter: Rewriter, expected: tuple[float, float]
) -> None:
    for beta, accurate in zip((0.5, 0.25), expected, strict=True):
        found = percent_in_format(dense, rewriter, beta)
        assert found == pytest.approx(accurate, abs=ONE_IMAGE)


@pytest.mark.parametrize(
    ("rewriter", "budget", "expected"),
    [
        (UniformBits("tensor"), Bits(4), 98.55),
        (UniformBits("channel"), Bits(4), 98.60),
        (UniformBits("tensor", "zero"), Bits(4), 98.65),
        (UniformBits("tensor"), Bits(2), 95.90),
        (UniformBits("channel"), Bits(2), 96.95),
        (UniformBits("tensor", "zero"), Bits(2), 19.45),
        (UniformBits("channel", "zero"), Bits(2), 76.60),
        (Nm("channel"), Pattern(2, 4), 98.20),  # the first convolution stays dense
        (Nm("channel"), Pattern(1, 4), 93.20),
        (Nm("channel"), Pattern(4, 8), 98.55),  # only ip1 has groups of 8 that do not straddle
    ],
)
def test_accuracies_of_bits_and_patterns(
    dense: nn.Module, rewriter: Rewriter, budget: Budget, expected: float
) -> None:
    every = list(layers_of(dense))
    model, _ = rewrite_network(dense, rewriter, lambda _name, _layer: budget, every)
    assert percent(model) == pytest.approx(expected, abs=ONE_IMAGE)


@pytest.mark.parametrize(
    ("prune", "k", "expected", "entropy"),
    [(50, 32, 98.15, 148.4), (80, 64, 95.95, 73.7), (90, 256, 73.90, 46.3)],
)
def test_pruned_and_clustered(
    dense: nn.Module, prune: float, k: int, expected: float, entropy: float
) -> None:
    """One codebook for all layers; each has its own frequencies."""
    model = share_network(dense, Cws(), k, prune, scope="network")
    assert percent(model) == pytest.approx(expected, abs=ONE_IMAGE)
    assert kilobytes(model) == pytest.approx(entropy, abs=0.1)
