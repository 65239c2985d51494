"""Small seeded networks, one per shape of architecture that the library supports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 5


@dataclass(frozen=True)
class Architecture:
    """A network, the shape of one input, and its units by width."""

    build: Callable[[], nn.Module]
    input: tuple[int, ...]
    units: dict[str, int]
    outputs: int = CLASSES
    homogeneous: bool = True


class MLP(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(16, 12),
            nn.ReLU(),
            nn.Linear(12, 9, bias=False),
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
            nn.Linear(9, CLASSES),
        )


class LeNet5(nn.Module):
    """LeNet-5's shape: functional ReLU, pooling on either side of it, a flatten of 4 × 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 10, 5)
        self.fc1, self.fc2 = nn.Linear(160, 16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(self.fc1(x.flatten(1)).relu())


def _conv_bn(
    ingoing: int,
    outgoing: int,
    padding: int,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = False,
) -> tuple[nn.Module, nn.Module]:
    layer = nn.Conv2d(ingoing, outgoing, 3, stride, padding, dilation, bias=bias)
    return layer, nn.BatchNorm2d(outgoing)


class VGG(nn.Module):
    """Conv, batch norm, ReLU; stride and dilation; a classifier with batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_conv_bn(3, 8, padding=1),
            nn.ReLU(inplace=True),
            *_conv_bn(8, 10, bias=True, padding=2, dilation=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            *_conv_bn(10, 12, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(48, 14), nn.BatchNorm1d(14), nn.ReLU(), nn.Dropout(), nn.Linear(14, CLASSES)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class Block(nn.Module):
    def __init__(self, ingoing: int, outgoing: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(ingoing, outgoing, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outgoing)
        self.conv2 = nn.Conv2d(outgoing, outgoing, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outgoing)
        self.shortcut = nn.Identity()
        if stride != 1 or ingoing != outgoing:
            self.shortcut = nn.Sequential(
                nn.Conv2d(ingoing, outgoing, 1, stride, bias=False), nn.BatchNorm2d(outgoing)
            )

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(hidden)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.block1, self.block2 = Block(8, 8, 1), Block(8, 12, 2)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        return self.head(self.block2(self.block1(x)).mean((2, 3)))


class Branches(nn.Module):
    """One producer with two consumers, whose outputs are concatenated for a third."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.wide = nn.Sequential(*_conv_bn(8, 6, padding=1), nn.ReLU())
        self.narrow = nn.Conv2d(8, 7, 1)
        self.join = nn.Conv2d(13, 9, 3, padding=1, padding_mode="reflect")
        self.head = nn.Linear(9, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = F.relu(self.join(torch.cat([self.wide(x), F.relu(self.narrow(x))], 1)))
        return self.head(F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1))


class InvertedResidual(nn.Sequential):
    """Expand, convolve every channel by itself, project (MobileNetV2)."""

    def __init__(self, ingoing: int, hidden: int, outgoing: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(ingoing, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outgoing, 1, bias=False),
            nn.BatchNorm2d(outgoing),
        )
        self.residual = ingoing == outgoing and stride == 1

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input) if self.residual else super().forward(input)


class Inverted(nn.Module):
    """MobileNetV2's shape; the last unit has no depthwise convolution behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv_bn(3, 8, padding=1, stride=2), nn.ReLU6())
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.project = nn.Conv2d(8, 6, 1)
        self.block1, self.block2 = InvertedResidual(6, 12, 6, 1), InvertedResidual(6, 10, 5, 2)
        self.last = nn.Sequential(nn.Conv2d(5, 9, 1), nn.BatchNorm2d(9), nn.Hardtanh(0.0, 6.0))
        self.dropout, self.head = nn.Dropout(0.2), nn.Linear(9, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(F.relu6(self.depthwise(self.stem(x))))
        x = self.last(self.block2(self.block1(x)))
        return self.head(self.dropout(x.mean((2, 3))))


class Shuffle(nn.Module):
    """ShuffleNet's branch, then two depthwise convolutions without batch norm around a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.branch = nn.Sequential(
            nn.Conv2d(4, 9, 1, bias=False),
            nn.BatchNorm2d(9),
            nn.ReLU(inplace=True),
            nn.Conv2d(9, 9, 3, 1, 1, groups=9, bias=False),
            nn.BatchNorm2d(9),
            nn.Conv2d(9, 4, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
        )
        self.wide = nn.Conv2d(8, 11, 1)
        self.first = nn.Conv2d(11, 11, 3, padding=2, dilation=2, groups=11, padding_mode="reflect")
        self.second = nn.Conv2d(11, 11, (1, 3), groups=11)
        self.head = nn.Linear(11 * 5 * 3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = torch.cat([x[:, :4], self.branch(x[:, 4:])], 1)
        x = F.max_pool2d(F.relu(self.wide(x)), 2)
        return self.head(torch.flatten(self.second(F.relu6(self.first(x))), 1))


class Binary(nn.Sequential):
    """One hidden layer with batch norm, one logit."""

    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(), nn.Linear(16, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Linear(30, 1)
        )


ZOO = {
    "mlp": Architecture(MLP, (1, 4, 4), {"1": 12, "3": 9}),
    "lenet5": Architecture(LeNet5, (1, 28, 28), {"conv1": 6, "conv2": 10, "fc1": 16}),
    "vgg": Architecture(
        VGG,
        (3, 16, 16),
        {"features.0": 8, "features.3": 10, "features.7": 12, "classifier.0": 14},
    ),
    "resnet": Architecture(ResNet, (3, 10, 10), {"block1.conv1": 8, "block2.conv1": 12}),
    "branches": Architecture(
        Branches, (3, 10, 10), {"stem": 8, "wide.0": 6, "narrow": 7, "join": 9}
    ),
    "inverted": Architecture(
        Inverted,
        (3, 10, 10),
        {"stem.0": 8, "block1.0": 12, "block2.0": 10, "last.0": 9},
        homogeneous=False,
    ),
    "shuffle": Architecture(
        Shuffle, (3, 10, 10), {"branch.0": 9, "branch.5": 4, "wide": 11}, homogeneous=False
    ),
    "binary": Architecture(Binary, (1, 4, 4), {"1": 30}, outputs=1),
}


def build(name: str, seed: int = 0) -> nn.Module:
    """The network ``name`` in evaluation mode, with random batch-norm statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ZOO[name].build()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                _randomise(module)
    return model.eval()


def _randomise(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias, std=0.3)
    nn.init.normal_(norm.running_mean, std=0.3)
    nn.init.uniform_(norm.running_var, 0.3, 2.0)


def images(name: str, count: int = 8, seed: int = 1) -> Tensor:
    """Normal noise of the shape that the network ``name`` reads."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *ZOO[name].input, generator=generator)
