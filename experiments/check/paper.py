"""``make check-paper``: the reader's figures from the paper, ours beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.check.comparison import Comparison, Mapped, map_figure, measure, missing
from experiments.check.figure import Figure
from experiments.check.figures import read_figures
from experiments.check.lookup import Cells
from experiments.check.mapping import Unmapped
from experiments.check.options import OPTIONS
from experiments.console import say
from tropnnc.errors import TropnncError


@dataclass
class Budget:
    """Cells that may still be computed to try options; cells that are there cost nothing."""

    cells: int


def check_paper(path: Path, cells: Cells, seeds: int, limit: int) -> None:
    """Print theirs, ours, difference and verdict of every figure in ``path``.

    Args:
        path: a CSV like ``results/published/template.csv``.
        cells: where cells come from.
        seeds: dense networks per figure.
        limit: cells computed at most to try the options behind differences.

    Raises:
        TropnncError: a CSV that is not accepted.
    """
    figures = read_figures(path)
    budget = Budget(limit)
    verdicts = [_check(figure, cells, seeds, budget) for figure in figures]
    numbers = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    counted = ", ".join(f"{number} {verdict}" for verdict, number in numbers.items())
    say(f"{len(figures)} figures: {counted}" if figures else f"{path}: no value is filled in")


def _check(figure: Figure, cells: Cells, seeds: int, budget: Budget) -> str:
    say(figure.label)
    try:
        mapped = map_figure(figure, cells, seeds)
        say(f"  python run.py {' '.join(mapped.overrides)}")
        comparison = measure(mapped, cells)
    except (Unmapped, TropnncError) as error:
        say(f"  not tried: {error}")
        return "not tried"
    verdict = "agrees" if abs(comparison.difference) <= comparison.band else "differs"
    say(f"  {_numbers(comparison)}: {verdict} (within ±{comparison.band:.2f} it would agree)")
    if verdict == "differs":
        _try_options(mapped, comparison, cells, budget)
    return verdict


def _numbers(comparison: Comparison) -> str:
    figure, ours = comparison.figure, comparison.ours
    spread = f" ± {figure.plus_minus:g}" if figure.plus_minus else ""
    return (
        f"theirs {figure.printed}{spread}, ours {ours.mean:.2f} ± {ours.sd:.2f} (n = {ours.n},"
        f" {comparison.computed} computed), difference {comparison.difference:+.2f}"
    )


def _try_options(mapped: Mapped, stated: Comparison, cells: Cells, budget: Budget) -> None:
    """Say which option (theory.md, section 6) narrows the difference."""
    narrowed: list[tuple[float, str]] = []
    untried: list[str] = []
    for option in OPTIONS.get(mapped.method, ()):
        other = mapped.under(option)
        if missing(other, cells) > budget.cells:
            untried.append(f"{option} (LIMIT is used up)")
            continue
        try:
            comparison = measure(other, cells)
        except TropnncError as error:
            untried.append(f"{option} ({error})")
            continue
        budget.cells -= comparison.computed
        remaining = abs(comparison.difference)
        if remaining < abs(stated.difference):
            text = f"{option} gives {comparison.ours.mean:.2f} ({comparison.difference:+.2f})"
            narrowed.append((remaining, text))
    texts = [text for _, text in sorted(narrowed)]
    say(f"  narrowed by: {'; '.join(texts) or 'none of the options tried'}")
    if untried:
        say(f"  options not tried: {', '.join(untried)}")
