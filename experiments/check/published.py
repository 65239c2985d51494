"""``make check-published``: figures that were seen, measured again where their weights are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from experiments.check.comparison import Comparison, map_figure, measure
from experiments.check.figure import Figure
from experiments.check.figures import read_figures
from experiments.check.lookup import Cells
from experiments.check.mapping import Unmapped, overrides_of
from experiments.console import say
from experiments.data import load_dataset
from tropnnc.errors import TropnncError

TEMPLATE = "template.csv"
Outcome = Literal["reproduced", "explained", "DIFFERS", "FAILED", "not tried"]


def check_published(cells: Cells) -> bool:
    """Print one line per figure; whether every difference is explained.

    Raises:
        TropnncError: a CSV that is not accepted.
    """
    outcomes: Counter[Outcome] = Counter()
    for path in published_files(cells.machine.results_dir):
        for figure in read_figures(path):
            outcome, text = _check(figure, cells)
            outcomes[outcome] += 1
            say(f"{outcome}: {figure.label}: {text}")
    say(", ".join(f"{number} {outcome}" for outcome, number in outcomes.items()))
    return not (outcomes["DIFFERS"] or outcomes["FAILED"])


def published_files(results: Path) -> list[Path]:
    """The CSVs of published figures, without the template."""
    return [path for path in sorted((results / "published").glob("*.csv")) if path.name != TEMPLATE]


def _check(figure: Figure, cells: Cells) -> tuple[Outcome, str]:
    try:
        _demand_inputs(figure, cells)
    except (Unmapped, TropnncError) as error:
        return "not tried", str(error).partition(";")[0]
    try:
        comparison = measure(map_figure(figure, cells, seeds=1), cells)
    except TropnncError as error:
        return "FAILED", str(error)
    return _judge(comparison)


def _demand_inputs(figure: Figure, cells: Cells) -> None:
    """Raise where network, method, weights or data are not at hand."""
    overrides = overrides_of(figure)
    if not figure.checkpoint:
        raise Unmapped("the weights behind it are not at hand")
    if not Path(figure.checkpoint).is_file():
        raise Unmapped(f"no file {figure.checkpoint}")
    load_dataset(overrides[0].partition("=")[2], cells.machine.data_dir)


def _judge(comparison: Comparison) -> tuple[Outcome, str]:
    figure = comparison.figure
    text = f"theirs {figure.printed}, ours {comparison.ours.mean:.2f}"
    if comparison.same_digits:
        return "reproduced", text
    text = f"{text}, difference {comparison.difference:+.2f}"
    return ("explained", f"{text} ({figure.explained})") if figure.explained else ("DIFFERS", text)
