"""From standardised pixels to those that the network sees, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tropnnc.errors import TropnncError
from tropnnc.unit import Pixels


@dataclass(frozen=True, eq=False)
class Frame:
    """Statistics of the pixels per channel, each ``[C, 1, 1]``, in the units of the network."""

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor

    def seen(self, standardised: Tensor) -> Tensor:
        """Pixels of mean 0 and deviation 1 in the units of the network, held in their range."""
        return (self.mean + self.std * standardised).clamp(self.low, self.high)


def per_channel(pixels: Pixels, channels: int) -> Pixels:
    """``pixels`` with one value per channel in every attribute.

    Raises:
        TropnncError: a number of values that is neither 1 nor ``channels``, a deviation that is
            not positive, an empty range.
    """
    values = {}
    for name in ("mean", "std", "low", "high"):
        given = getattr(pixels, name)
        entries = tuple(given) if isinstance(given, tuple | list) else (given,)
        entries = entries * channels if len(entries) == 1 else entries
        if len(entries) != channels:
            accepted = f"1 or {channels}" if channels > 1 else "1"
            raise TropnncError(f"{name} has {len(entries)} values; accepted are {accepted}")
        values[name] = tuple(float(entry) for entry in entries)
    if not min(values["std"]) > 0:
        raise TropnncError(f"std = {values['std']}: accepted are positive numbers")
    if not all(low < high for low, high in zip(values["low"], values["high"], strict=True)):
        raise TropnncError(f"low = {values['low']} is not below high = {values['high']}")
    return Pixels(**values)


def frame_of(pixels: Pixels, device: torch.device) -> Frame:
    """The frame of ``pixels`` that have one value per channel."""
    attributes = (pixels.mean, pixels.std, pixels.low, pixels.high)
    return Frame(*(torch.tensor(a, device=device).reshape(-1, 1, 1) for a in attributes))
