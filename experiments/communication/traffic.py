"""What an exchange of gradients costs: bytes, and seconds."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Traffic:
    """Sums over the steps of one process.

    Attributes:
        bytes: sent.
        steps: taken.
        hook_seconds: from the call of the hook until the gradients are there, waiting included.
        ends: when each step of this process's life had its gradients.
    """

    bytes: int = 0
    steps: int = 0
    hook_seconds: float = 0.0
    ends: list[float] = field(default_factory=list)

    def sent(self, count: int) -> None:
        """``count`` bytes are on their way."""
        self.bytes += count

    def received(self, started: float, is_last: bool) -> None:
        """A bucket that was begun at ``started`` is averaged; the last one ends a step."""
        now = time.perf_counter()
        self.hook_seconds += now - started
        if is_last:
            self.steps += 1
            self.ends.append(now)

    @property
    def seconds(self) -> dict[str, float]:
        """Of the hook, on average, and of a whole step, its median (epochs end in between)."""
        steps = [later - end for end, later in zip(self.ends, self.ends[1:], strict=False)]
        hook = self.hook_seconds / max(self.steps, 1)
        whole = statistics.median(steps) if steps else 0.0
        return {"hook_seconds": round(hook, 6), "step_seconds": round(whole, 6)}

    def state_dict(self) -> dict[str, Any]:
        """The sums."""
        return {"bytes": self.bytes, "steps": self.steps, "hook_seconds": self.hook_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from those of an earlier process."""
        self.bytes, self.steps = state_dict["bytes"], state_dict["steps"]
        self.hook_seconds = state_dict["hook_seconds"]
