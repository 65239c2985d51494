"""The layers of a network whose values are shared."""

from __future__ import annotations

from torch import nn

from baselines.sharing.layer import SharedLayer


def shared_layers(model: nn.Module) -> dict[str, SharedLayer]:
    """By name."""
    return {name: m for name, m in model.named_modules() if isinstance(m, SharedLayer)}
