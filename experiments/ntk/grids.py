"""Experiments of ``conf/ntk/experiment``, composed by Hydra, as cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.ntk.settings import AccuracyCell, Cell, DataName, Method, SpectrumCell
from experiments.settings import Machine
from experiments.values import integer, real
from tropnnc.errors import TropnncError

Kind = Callable[[Mapping[str, Any]], list[Cell]]
CONF = Path(__file__).parents[2] / "conf" / "ntk"
# What may be said on the command line: all else is what an experiment's name stands for.
PLACES = ("data_dir", "results_dir")


def experiments() -> list[str]:
    """Names of all of them."""
    return sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


def read_experiment(name: str, overrides: Sequence[str] = ()) -> tuple[list[Cell], Machine]:
    """The cells of an experiment in the order in which they are run, and where.

    Raises:
        TropnncError: no such experiment, or a value that is not accepted.
    """
    if name not in experiments():
        raise TropnncError(f"no experiment {name!r}; accepted are {', '.join(experiments())}")
    for override in overrides:
        if override.partition("=")[0] not in PLACES:
            raise TropnncError(
                f"{override!r} is not accepted; {' and '.join(PLACES)} are, and grids of one's own"
                f" as a file in {CONF / 'experiment'}"
            )
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", [f"experiment={name}", *overrides])
    config = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True))
    machine = Machine(Path(config["data_dir"]), Path(config["results_dir"]), "cpu")
    kinds: dict[str, Kind] = {"accuracy": _accuracy_cells, "spectrum": _spectrum_cells}
    cells = [
        cell
        for kind, make in kinds.items()
        for grid in config[kind]
        for cell in make({**config["grid"], **grid})
    ]
    return list(dict.fromkeys(cells)), machine


def _accuracy_cells(grid: Mapping[str, Any]) -> list[Cell]:
    """Draws vary slowest: an interrupted sweep has whole ones."""
    draws = range(integer("draws", grid["draws"], low=1))
    networks: Sequence[Sequence[Any]] = grid["widths"]
    return [
        AccuracyCell(
            data=cast(DataName, grid["data"]),
            method=cast(Method, method),
            sparsity=real("sparsity", sparsity, low=0.0, high=1.0),
            widths=tuple(integer("width", width, low=1) for width in widths),
            draw=draw,
            readout=grid["readout"],
            train_images=integer("train_images", grid["train_images"], low=1),
        )
        for draw, widths in itertools.product(draws, networks)
        for method, sparsities in grid["methods"].items()
        for sparsity in sparsities
    ]


def _spectrum_cells(grid: Mapping[str, Any]) -> list[Cell]:
    return [
        SpectrumCell(
            n=integer("n", n, low=4),
            dimension=integer("p", grid["aspect"] * n, low=9),
            depth=integer("depth", grid["depth"], low=1),
            sparsity=real("sparsity", grid["sparsity"], low=0.0, high=1.0),
            draw=draw,
            finite=n <= grid["finite_up_to"],
            histogram=n == grid["histogram_at"] and draw == 0,
        )
        for draw in range(integer("draws", grid["draws"], low=1))
        for n in grid["n"]
    ]
