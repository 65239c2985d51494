"""How the tiers look, told apart in grey by marker and dash."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

LOOKS = (("#0072B2", "-", "o"), ("#009E73", (0, (5, 1.5)), "s"), ("#D55E00", (0, (1, 1)), "^"))


def scatter(axis: Axes, points: Sequence[tuple[float, float]], tier: int, label: str = "") -> None:
    """Methods of one ``tier`` as pale points ``(x, y)``; in the legend by ``label``."""
    colour, _, marker = LOOKS[tier % len(LOOKS)]
    axis.plot(
        [x for x, _ in points],
        [y for _, y in points],
        marker,
        color=colour,
        markersize=2.6,
        alpha=0.5,
        markeredgewidth=0,
        label=label or "_",
    )
