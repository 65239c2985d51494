"""What is known of a number: two bounds."""

from __future__ import annotations

from dataclasses import dataclass

from tropnnc.errors import TropnncError


@dataclass(frozen=True)
class Interval:
    """Certified bounds, to rounding: ``lower ≤ true value ≤ upper``.

    Raises:
        TropnncError: unless ``0 ≤ lower ≤ upper``.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not 0 <= self.lower <= self.upper:
            raise TropnncError(
                f"interval [{self.lower}, {self.upper}]; accepted is 0 ≤ lower ≤ upper"
            )

    @property
    def exact(self) -> bool:
        """Whether the value is known."""
        return self.lower == self.upper
