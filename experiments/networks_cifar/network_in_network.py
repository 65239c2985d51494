"""Network in Network for CIFAR (Lin et al., 2014)."""

from __future__ import annotations

from torch import Tensor, nn


class NIN(nn.Module):
    """Three blocks of a spatial and two 1×1 convolutions, no linear layer, no batch norm.

    Args:
        classes: channels of the last convolution, averaged over the image.
        dropout: probability, behind the first two blocks.
    """

    def __init__(self, classes: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block((3, 192, 160, 96), kernel=5),
            *(nn.MaxPool2d(3, stride=2, padding=1), nn.Dropout(dropout)),
            *_block((96, 192, 192, 192), kernel=5),
            *(nn.AvgPool2d(3, stride=2, padding=1), nn.Dropout(dropout)),
            *_block((192, 192, 192, classes), kernel=3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 3, 32, 32]``."""
        return self.features(x).mean(dim=(2, 3))


def _block(channels: tuple[int, int, int, int], kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index, size in enumerate((kernel, 1, 1)):
        conv = nn.Conv2d(channels[index], channels[index + 1], size, padding=size // 2)
        # The default loses half of the signal's variance in each of nine layers.
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        layers += [conv, nn.ReLU()]
    return layers
