"""What an ingredient of a method buys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """Points of top-1 that an ingredient buys on a network at a keep ratio.

    ``everywhere``: in each pair of cells; ``whole``: in the one that is synthetic_ls otherwise.
    """

    network: str
    ratio: float
    ingredient: str
    everywhere: tuple[float, ...]
    whole: float | None

    @property
    def mean(self) -> float:
        """Over the pairs."""
        return sum(self.everywhere) / len(self.everywhere)
