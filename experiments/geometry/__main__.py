"""``python -m experiments.geometry TABLE``: tables and pictures of the geometry experiments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from experiments.console import BAD_INPUT, say
from experiments.geometry.bounds import write_bounds
from experiments.geometry.effects import write_effects
from experiments.geometry.pictures import write_pictures
from experiments.geometry.spread import frame, read_spreads
from experiments.geometry.spread_figure import draw
from experiments.geometry.table import write_table
from experiments.geometry.transplant import write_transplant
from experiments.report.style import save
from tropnnc.errors import TropnncError


def _bounds(experiment: str, results: Path) -> str:
    text, paths = write_bounds(experiment, results)
    return "\n".join([text, *map(str, paths)])


def _spread(experiment: str, results: Path) -> str:
    caption, spreads = read_spreads(experiment, results)
    name = f"{experiment}_spread"
    text = write_table(frame(spreads), 2, caption, results / "tables" / name)
    return "\n".join([text, *map(str, save(draw(spreads), results / "figures" / name))])


def _pictures(_: str, results: Path) -> str:
    return "\n".join(map(str, write_pictures(results)))


# What is made of which experiment.
WORK: dict[str, tuple[str, Callable[[str, Path], str]]] = {
    "effects": ("geometry_options", write_effects),
    "spread": ("geometry_rescaling", _spread),
    "widths": ("geometry_widths", write_transplant),
    "bounds": ("geometry_bounds", _bounds),
    "pictures": ("", _pictures),
}


def main() -> int:
    """Exit code 0, or 2 after one line on what is missing."""
    parser = argparse.ArgumentParser("python -m experiments.geometry", description=__doc__)
    parser.add_argument("table", nargs="*", help=f"{', '.join(WORK)}; none: all of them")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    parser.add_argument("--suffix", default="", help="of the experiments' names, such as _quick")
    arguments = parser.parse_args()
    try:
        for name in arguments.table or WORK:
            if name not in WORK:
                raise TropnncError(f"no table {name}; accepted are {', '.join(WORK)}")
            experiment, write = WORK[name]
            say(write(f"{experiment}{arguments.suffix}", arguments.results))
    except TropnncError as error:
        print(f"geometry: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
