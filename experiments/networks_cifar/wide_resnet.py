"""Wide residual networks (Zagoruyko & Komodakis, 2016)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class WideResNet(nn.Module):
    """``depth = 6n + 4`` layers: three stages of ``n`` blocks, ``widen`` times 16, 32, 64 wide."""

    def __init__(self, depth: int, widen: int, classes: int) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 4, 6)
        if rest or blocks < 1:
            raise ValueError(f"depth = {depth} is not accepted; 6n + 4 is: 10, 16, 22, 28, 40, …")
        widths = (16 * widen, 32 * widen, 64 * widen)
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False)
        self.stage1 = _stage(blocks, 16, widths[0], stride=1)
        self.stage2 = _stage(blocks, widths[0], widths[1], stride=2)
        self.stage3 = _stage(blocks, widths[1], widths[2], stride=2)
        self.norm = nn.BatchNorm2d(widths[2])
        self.linear = nn.Linear(widths[2], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 3, 32, 32]``."""
        x = self.stage3(self.stage2(self.stage1(self.conv1(x))))
        return self.linear(F.relu(self.norm(x)).mean(dim=(2, 3)))


class PreActivationBlock(nn.Module):
    """Batch norm, ReLU, convolution, twice; a 1×1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = (
            nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            if inputs != outputs or stride != 1
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[b, outputs, h / stride, w / stride]``."""
        active = F.relu(self.norm1(x))
        beside = x if self.shortcut is None else self.shortcut(active)
        return beside + self.conv2(F.relu(self.norm2(self.conv1(active))))


def _stage(blocks: int, inputs: int, outputs: int, stride: int) -> nn.Sequential:
    rest = (PreActivationBlock(outputs, outputs, stride=1) for _ in range(blocks - 1))
    return nn.Sequential(PreActivationBlock(inputs, outputs, stride), *rest)
