"""The networks of the first tables, for images ``[1, 28, 28]``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from experiments.settings import ArchSettings
from tropnnc.errors import TropnncError
from tropnnc.vision import torchvision

PIXELS = 28 * 28
CLASSES = 10


class LeNet300100(nn.Module):
    """784-300-100-10."""

    def __init__(self) -> None:
        super().__init__()
        self.ip1 = nn.Linear(PIXELS, 300)
        self.ip2 = nn.Linear(300, 100)
        self.ip3 = nn.Linear(100, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, 10]`` of images ``[b, 1, 28, 28]``."""
        x = F.relu(self.ip1(x.flatten(1)))
        x = F.relu(self.ip2(x))
        return self.ip3(x)


class _LeNet5(nn.Module):
    """The layers of 20-50-500-10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, kernel_size=5)
        self.conv2 = nn.Conv2d(20, 50, kernel_size=5)
        self.ip1 = nn.Linear(50 * 4 * 4, 500)
        self.ip2 = nn.Linear(500, CLASSES)


class LeNet5(_LeNet5):
    """20-50-500-10 with a ReLU after both convolutions and the first linear layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, 10]`` of images ``[b, 1, 28, 28]``."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.ip2(F.relu(self.ip1(x.flatten(1))))


class LeNet5Caffe(_LeNet5):
    """20-50-500-10 as Caffe defines it: the convolutions have no ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, 10]`` of images ``[b, 1, 28, 28]``."""
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.ip2(F.relu(self.ip1(x.flatten(1))))


class SmyrnisConv(nn.Module):
    """Conv5×5–ReLU–MaxPool3–Conv5×5–ReLU–MaxPool3–FC–ReLU–FC (Smyrnis & Maragos, 2020).

    With ``classes = 1`` its one logit tells two classes apart.
    """

    def __init__(self, channels: int, hidden: int, classes: int = CLASSES) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, kernel_size=5)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=5)
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 1, 28, 28]``."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 3)
        x = F.max_pool2d(F.relu(self.conv2(x)), 3)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class MLP(nn.Sequential):
    """784-``widths``-10, a ReLU after every hidden layer."""

    def __init__(self, widths: Sequence[int]) -> None:
        if not all(isinstance(width, int) and width > 0 for width in widths):
            raise ValueError(f"widths = {widths} is not accepted; positive integers are")
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise((PIXELS, *widths)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers, nn.Linear((PIXELS, *widths)[-1], CLASSES))


def build(settings: ArchSettings) -> nn.Module:
    """A network with fresh weights, drawn from torch's current generator.

    Raises:
        TropnncError: no such class, or options that it does not accept.
    """
    options = {key: list(v) if isinstance(v, tuple) else v for key, v in settings.options}
    try:
        module, _, name = settings.target.rpartition(".")
        if module.startswith("torchvision"):
            torchvision()  # also where its compiled operators do not match torch
        return getattr(import_module(module), name)(**options)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise TropnncError(f"arch {settings.name} ({settings.target}): {error}") from error
