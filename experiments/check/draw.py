"""A random draw of committed cells that fits into a given time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.estimates import about
from experiments.report.summary import SummaryRow, read_summary
from tropnnc.errors import TropnncError
from tropnnc.seeding import derive_rng


@dataclass(frozen=True)
class Drawn:
    """A committed row and the experiment that it belongs to."""

    experiment: str
    row: SummaryRow

    @property
    def label(self) -> str:
        """The cell in one line."""
        row = self.row
        return (
            f"{self.experiment}: {row.dataset} {row.arch} {row.method} ratio={row.ratio:g}"
            f" seed={row.seed}"
        )

    @property
    def imagining(self) -> set[tuple[str, float]]:
        """Dense network and seconds of the images made from it: cells share what took the same."""
        row = self.row
        parts = (row.imagine_seconds, row.finetune_imagine_seconds)
        return {(row.checkpoint, seconds) for seconds in parts if seconds is not None}

    @property
    def seconds(self) -> float:
        """What it took when it was committed, dense network and images made from it at hand."""
        row = self.row
        return row.compress_seconds + row.evaluate_seconds + (row.finetune_seconds or 0.0)


@dataclass(frozen=True)
class Network:
    """A dense network that a cell needs.

    Attributes:
        seconds: to get it; infinite where it cannot be had.
        obstacle: why it cannot.
    """

    label: str
    seconds: float
    obstacle: str = ""


@dataclass(frozen=True)
class Draw:
    """The cells to be computed, the quickest first, and networks left out.

    Attributes:
        seconds: estimated, for cells, networks and images made from them.
        left_out: by network, how many of its cells came up and were passed over.
    """

    cells: tuple[Drawn, ...]
    seconds: float
    left_out: Counter[Network]

    @property
    def text(self) -> str:
        """What was drawn, and what was not and why."""
        lines = [
            f"left out: {network.label}, whose cells came up {count} times:"
            f" {network.obstacle or f'it takes {about(network.seconds)}'}"
            for network, count in self.left_out.items()
        ]
        networks = len({drawn.row.checkpoint for drawn in self.cells})
        lines.append(f"{len(self.cells)} cells on {networks} networks, {about(self.seconds)}")
        return "\n".join(lines)


def random_order(results: Path, seed: int) -> list[Drawn]:
    """All committed cells that are done, each once, in an order that depends on ``seed`` alone.

    Raises:
        TropnncError: nothing committed.
    """
    paths = sorted((results / "summary").glob("*.csv"))
    rows = [Drawn(path.stem, row) for path in paths for row in read_summary(path)]
    done = list(
        {drawn.row.identity: drawn for drawn in rows if drawn.row.status == "done"}.values()
    )
    if not done:
        raise TropnncError(f"{results / 'summary'}: no committed cell")
    return [done[index] for index in derive_rng(seed, "spot check").permutation(len(done))]


def draw(
    order: Sequence[Drawn], number: int, seconds: float, network: Callable[[Drawn], Network]
) -> Draw:
    """The first ``number`` cells of ``order``, as far as they can be computed in ``seconds``.

    While the cells drawn take longer than that, the network that takes most of it is left out with
    all its cells, whatever they say, and the next cells in the order take their places. Cells are
    never chosen by method, ratio or result; those of quick networks alone are likelier to be drawn.

    Args:
        order: all cells, at random.
        number: how many are wanted.
        seconds: for all of them together.
        network: the dense network of a cell, known by the checkpoint of its row.
    """
    closed: set[str] = set()
    while True:
        chosen, passed = _first(order, number, closed)
        costs: defaultdict[str, float] = defaultdict(float)
        for drawn in chosen:
            costs[drawn.row.checkpoint] += drawn.seconds
        for checkpoint, imagining in set().union(*(drawn.imagining for drawn in chosen)):
            costs[checkpoint] += imagining
        for drawn in {drawn.row.checkpoint: drawn for drawn in chosen}.values():
            costs[drawn.row.checkpoint] += network(drawn).seconds
        if sum(costs.values()) <= seconds:
            break
        closed.add(max(costs, key=costs.__getitem__))
    left_out = Counter(network(drawn) for drawn in passed)
    chosen.sort(key=lambda drawn: (costs[drawn.row.checkpoint], drawn.row.checkpoint))
    return Draw(tuple(chosen), sum(costs.values()), left_out)


def _first(
    order: Sequence[Drawn], number: int, closed: set[str]
) -> tuple[list[Drawn], list[Drawn]]:
    """The first ``number`` cells on networks that are not ``closed``, and those passed over."""
    chosen: list[Drawn] = []
    passed: list[Drawn] = []
    for drawn in order:
        if len(chosen) == number:
            break
        (passed if drawn.row.checkpoint in closed else chosen).append(drawn)
    return chosen, passed
