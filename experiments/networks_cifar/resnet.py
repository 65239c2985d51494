"""Residual networks for CIFAR (He et al., 2016, section 4.2), shortcuts of option A.

Names of parameters are those of akamaster/pytorch_resnet_cifar10, whose weights load.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (16, 32, 64)


class ResNet(nn.Module):
    """``depth = 6n + 2`` layers: three stages of ``n`` blocks, 16, 32 and 64 channels wide."""

    def __init__(self, depth: int, classes: int) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"depth = {depth} is not accepted; 6n + 2 is: 8, 14, 20, …")
        self.conv1 = nn.Conv2d(3, WIDTHS[0], kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.layer1 = _stage(blocks, WIDTHS[0], WIDTHS[0])
        self.layer2 = _stage(blocks, WIDTHS[0], WIDTHS[1])
        self.layer3 = _stage(blocks, WIDTHS[1], WIDTHS[2])
        self.linear = nn.Linear(WIDTHS[2], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 3, 32, 32]``."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


class Block(nn.Module):
    """Two convolutions beside a shortcut without parameters.

    Where the stage begins, the shortcut takes every second pixel and pads with zero channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.added = outputs - inputs
        stride = 2 if self.added else 1
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[b, outputs, h, w]``, at half the resolution where channels are added."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.added:
            half = self.added // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, self.added - half))
        return F.relu(x + y)


def _stage(blocks: int, inputs: int, outputs: int) -> nn.Sequential:
    rest = (Block(outputs, outputs) for _ in range(blocks - 1))
    return nn.Sequential(Block(inputs, outputs), *rest)
