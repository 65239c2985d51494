"""Networks that engineers have: torchvision's classifiers, checked by the algebra."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.contract.algebra import Recorder, with_reductions
from tropnnc import compress, inspect, make_method
from tropnnc.vision import torchvision

# Inputs as small as each network takes, and the number of its units, counted on its drawing: every
# layer but the last of a chain; three per fire module and all of inception; the inner convolutions
# of residual blocks (ResNet-50's stem too, which feeds no addition), DenseNet's bottlenecks.
CLASSIFIERS = {
    "alexnet": (64, 7),
    "vgg11_bn": (32, 10),
    "squeezenet1_1": (64, 1 + 8 * 3),
    "resnet18": (64, 8),
    "resnet50": (64, 1 + 16 * 2),
    "googlenet": (64, 3 + 9 * 6),
    "densenet121": (64, 58),
}
# K-means of their 4,096 neurons takes minutes.
WIDE = {"alexnet", "vgg11_bn"}


def _network(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        options = {"init_weights": True} if name == "googlenet" else {}
        model = torchvision().models.get_model(name, weights=None, num_classes=10, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.get_buffer("running_var").uniform_(0.3, 2.0)
    return model.eval().double()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CLASSIFIERS))
@pytest.mark.parametrize("method", ["l1", "tropnnc"])
def test_classifiers(name: str, method: str) -> None:
    size, units = CLASSIFIERS[name]
    model = _network(name)
    inputs = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)).double()
    assert len(inspect(model, inputs).units) == units
    options = {"n_init": 1} if method == "tropnnc" else {}
    scope = "conv" if method == "tropnnc" and name in WIDE else "all"
    recorder = Recorder(make_method(method, **options))
    small, report = compress(model, inputs, recorder, 0.5, scope)
    expected = with_reductions(model, inputs, recorder.answers)(inputs)
    torch.testing.assert_close(small(inputs), expected, rtol=1e-6, atol=1e-9)
    assert report.after.parameters < 0.8 * report.before.parameters
