"""VGG-16 for small images (Simonyan & Zisserman, 2015; batch norm, a head of 512)."""

from __future__ import annotations

from torch import Tensor, nn

CHANNELS = (64, 64, "M", 128, 128, "M", *(256, 256, 256, "M"), *(512, 512, 512, "M") * 2)
HEAD = 512


class CifarVGG(nn.Module):
    """Thirteen convolutions with batch norm, two hidden linear layers, a classifier.

    Args:
        width: factor of every hidden width; 1 is the original's.
        classes: number of logits.
        dropout: probability, after both hidden linear layers.
    """

    def __init__(self, width: float, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for entry in CHANNELS:
            if isinstance(entry, str):
                layers.append(nn.MaxPool2d(2))
                continue
            wide = _scaled(entry, width)
            layers += [
                nn.Conv2d(channels, wide, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(),
            ]
            channels = wide
        hidden = _scaled(HEAD, width)
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            *(nn.Linear(channels, hidden), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 3, 32, 32]``."""
        return self.head(self.features(x).flatten(1))


def _scaled(channels: int, width: float) -> int:
    if width <= 0:
        raise ValueError(f"width = {width} is not accepted; a number above 0 is")
    return max(1, round(width * channels))
