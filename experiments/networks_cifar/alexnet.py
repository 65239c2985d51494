"""An AlexNet for small images: few convolutions, most weights in the linear layers."""

from __future__ import annotations

from torch import Tensor, nn


class CifarAlexNet(nn.Module):
    """Three convolutions and two hidden linear layers, no batch norm (Krizhevsky et al., 2012).

    Args:
        hidden: width of both hidden linear layers.
        classes: number of logits.
        dropout: probability, before both hidden linear layers as in the original.
    """

    def __init__(self, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 32, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        )
        self.head = nn.Sequential(
            *(nn.Dropout(dropout), nn.Linear(128 * 4 * 4, hidden), nn.ReLU()),
            *(nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU()),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[b, classes]`` of images ``[b, 3, 32, 32]``."""
        return self.head(self.features(x).flatten(1))
