"""Networks that engineers have: torchvision's classifiers, checked by the algebra."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from experiments.coverage.models import classifiers, on_meta, settle, with_random_weights
from tests.contract.algebra import Recorder, with_reductions
from tropnnc import TropnncError, compress, make_method
from tropnnc.graph import discover
from tropnnc.vision import torchvision

# Units and the depthwise convolutions in them, counted on the drawings: every layer but the last of
# a chain; three per fire module and all of inception; the inner convolutions of residual blocks
# (ResNet-50's stem too, which feeds no addition), DenseNet's bottlenecks. MobileNetV2 and MNASNet
# expand in all blocks but the first (16 of 17 each), which the stem feeds directly; their last
# convolution feeds the classifier. ShuffleNet's 16 blocks have one convolution that ends in a
# depthwise one and no shuffle, and the last one. A ResNeXt or RegNet has its inner convolutions
# grouped: the stem remains, and the squeeze of RegNet-Y's 16 squeeze-and-excitations.
UNITS = {
    "alexnet": (7, 0),
    "vgg11_bn": (10, 0),
    "squeezenet1_1": (1 + 8 * 3, 0),
    "resnet18": (8, 0),
    "resnet50": (1 + 16 * 2, 0),
    "wide_resnet50_2": (1 + 16 * 2, 0),
    "googlenet": (3 + 9 * 6, 0),
    "densenet121": (58, 0),
    "mobilenet_v2": (1 + 16 + 1, 17),
    "mnasnet1_0": (1 + 16 + 1, 17),
    "shufflenet_v2_x0_5": (16 + 1, 16),
    "resnext50_32x4d": (1, 0),
    "regnet_x_400mf": (1, 0),
    "regnet_y_400mf": (1 + 16, 0),
}
# Checked by the algebra: inputs as small as each network takes, the share of parameters left.
SIDES = {
    "alexnet": (64, 0.8),
    "vgg11_bn": (32, 0.8),
    "squeezenet1_1": (64, 0.8),
    "resnet18": (64, 0.8),
    "resnet50": (64, 0.8),
    "googlenet": (64, 0.8),
    "densenet121": (64, 0.8),
    "mobilenet_v2": (32, 0.8),
    "mnasnet0_5": (32, 0.8),
    "shufflenet_v2_x0_5": (32, 0.9),
    "regnet_y_400mf": (32, 0.995),
}
# K-means of their 4,096 neurons takes minutes.
WIDE = {"alexnet", "vgg11_bn"}

# Activations are GELU, SiLU or Hardswish.
WITHOUT_UNITS = re.compile(r"convnext|efficientnet|maxvit|swin_[bst]|vit")
# Images that a network insists on, or the option that makes it take smaller ones.
FIXED_SIDES = {"inception_v3": 96, "maxvit_t": 224}
SMALLER = {"vit_b_16": 64, "vit_b_32": 64, "vit_l_16": 64, "vit_l_32": 64, "vit_h_14": 56}
# Fewer than 5 M parameters; the others are left to the slow suite.
QUICK = {
    "squeezenet1_0", "squeezenet1_1", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5", "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mobilenet_v2",
    "mobilenet_v3_small", "regnet_y_400mf",
}  # fmt: skip
# Their weights and copies of them take more than 5 GB; docs/torchvision.md has their structure.
TOO_LARGE = {"vit_h_14", "regnet_y_128gf"}


def _inputs(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", UNITS)
def test_units_are_those_of_the_drawing(name: str) -> None:
    sites = discover(*on_meta(name)).sites
    assert (len(sites), sum(len(site.depthwise) for site in sites)) == UNITS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("method", ["l1", "tropnnc"])
def test_classifiers(name: str, method: str) -> None:
    side, left = SIDES[name]
    inputs = _inputs(side).double()
    model = settle(with_random_weights(name).double(), inputs)
    options = {"n_init": 1} if method == "tropnnc" else {}
    scope = "conv" if method == "tropnnc" and name in WIDE else "all"
    recorder = Recorder(make_method(method, **options))
    small, report = compress(model, inputs, recorder, 0.5, scope)
    expected = with_reductions(model, inputs, recorder)(inputs)
    torch.testing.assert_close(small(inputs), expected, rtol=1e-6, atol=1e-9)
    assert report.after.parameters < left * report.before.parameters


def _opened(name: str) -> tuple[nn.Module, Tensor]:
    options = {"image_size": SMALLER[name]} if name in SMALLER else {}
    side = SMALLER.get(name, FIXED_SIDES.get(name, 64))
    return with_random_weights(name, **options), _inputs(side)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in classifiers()
        if name not in TOO_LARGE
    ],
)
def test_every_classifier(name: str) -> None:
    """The identity at ratio 1, smaller and finite at .5, each other layer accounted for."""
    model, inputs = _opened(name)
    if WITHOUT_UNITS.match(name):
        with pytest.raises(TropnncError, match=r"^no unit in scope 'all' \(\S+: ") as raised:
            compress(model, inputs, "l1", 0.5)
        assert "\n" not in str(raised.value)
        return
    with torch.no_grad():
        assert torch.equal(compress(model, inputs, "l1", 1.0)[0](inputs), model(inputs))
        small, report = compress(model, inputs, "l1", 0.5)
        assert small(inputs).isfinite().all()
    assert report.after.parameters < report.before.parameters
    sites = discover(model, inputs).sites
    rewritten = {site.producer for site in sites} | {p.name for s in sites for p in s.depthwise}
    layers = {n for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    assert rewritten | {item.name for item in report.left_alone} == layers
    assert not rewritten & {item.name for item in report.left_alone}
    assert all(item.reason for item in report.left_alone)


def test_every_classifier_is_one_of_torchvisions() -> None:
    names = set(torchvision().models.list_models(module=torchvision().models))
    assert set(classifiers()) == names
    assert names >= {*UNITS, *SIDES, *QUICK, *FIXED_SIDES, *SMALLER, *TOO_LARGE}
