"""Experiments of ``conf/ntk/experiment``, composed by Hydra, as cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from experiments.ntk.settings import AccuracyCell, Cell, DataName, Method, SpectrumCell
from experiments.settings import Machine
from experiments.track.grids import CONF as ALL
from experiments.track.grids import composed_experiment, names_of
from experiments.values import integer, real

Kind = Callable[[Mapping[str, Any]], list[Cell]]
CONF = ALL / "ntk"


def experiments() -> list[str]:
    """Names of all of them."""
    return names_of(CONF)


def read_experiment(name: str, overrides: Sequence[str] = ()) -> tuple[list[Cell], Machine]:
    """The cells of an experiment in the order in which they are run, and where.

    Raises:
        TropnncError: no such experiment, or a value that is not accepted.
    """
    config, machine = composed_experiment(CONF, name, overrides)
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
