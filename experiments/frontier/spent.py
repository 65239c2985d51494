"""What a method takes and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """A method on one network at one keep ratio.

    Attributes:
        network: as tables call it.
        ratio: share of neurons kept.
        name: of the method.
        tier: rank of what it needs.
        axes: ``(synthetic images, steps)`` where the sweep varies them.
        making: seconds of making images; None without any.
        compressing: seconds of everything else.
        accuracy: top-1 in percent.
    """

    network: str
    ratio: float
    name: str
    tier: int
    axes: tuple[int, int] | None
    making: float | None
    compressing: float
    accuracy: float

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.compressing + (self.making or 0.0)
