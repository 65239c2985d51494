"""One small layer per option of a call, and its input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.rewriters.protocol import Layer

_BUILD = {
    "linear": lambda: nn.Linear(16, 6),
    "no_bias": lambda: nn.Linear(16, 5, bias=False),
    "conv": lambda: nn.Conv2d(8, 6, 3),
    "strided": lambda: nn.Conv2d(8, 6, 3, stride=2, padding=1, bias=False),
    "dilated": lambda: nn.Conv2d(4, 7, (3, 1), dilation=2, padding=(2, 0)),
    "same": lambda: nn.Conv2d(4, 6, 3, padding="same"),
    "reflected": lambda: nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode="reflect"),
}
NAMES = tuple(_BUILD)


def layer(name: str, seed: int = 0) -> Layer:
    """Of :data:`NAMES`, or ``grouped``."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if name == "grouped":
            return nn.Conv2d(8, 6, 3, groups=2)
        return _BUILD[name]()


def images(of: Layer, seed: int = 1) -> Tensor:
    """Three inputs of noise."""
    generator = torch.Generator().manual_seed(seed)
    if isinstance(of, nn.Linear):
        return torch.randn(3, of.in_features, generator=generator)
    return torch.randn(3, of.in_channels, 7, 9, generator=generator)


def matrix(rows: int, columns: int, seed: int = 0) -> nn.Linear:
    """A linear layer of standard normal weights."""
    made = nn.Linear(columns, rows)
    with torch.no_grad():
        made.weight.normal_(generator=torch.Generator().manual_seed(seed))
    return made
