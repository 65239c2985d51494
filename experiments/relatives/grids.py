"""Experiments of ``conf/relatives/experiment``, composed by Hydra, as cells."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from baselines.rewriters.protocol import Bits, Pattern
from experiments.relatives.networks import networks
from experiments.relatives.settings import Budget, Cell, Keep, Narrowing, Rewriting, Sharing
from experiments.settings import Component, Machine
from experiments.track.grids import CONF as ALL
from experiments.track.grids import composed_experiment, names_of
from experiments.values import integer, listed, options, real, truth
from tropnnc.errors import TropnncError, check_choice

CONF = ALL / "relatives"


def experiments() -> list[str]:
    """Names of all of them."""
    return names_of(CONF)


def read_experiment(name: str, overrides: Sequence[str] = ()) -> tuple[list[Cell], Machine]:
    """The cells of an experiment in the order in which they are run, and where.

    Raises:
        TropnncError: no such experiment, or a value that is not accepted.
    """
    config, machine = composed_experiment(CONF, name, overrides)
    grids = [{**config["grid"], **track} for track in config["tracks"]]
    for grid in grids:
        unknown = sorted(grid.keys() - config["grid"].keys())
        if unknown:
            accepted = ", ".join(config["grid"])
            raise TropnncError(f"{name}: unknown key {unknown[0]!r}; accepted are {accepted}")
    cells = [cell for grid in grids for cell in cells_of(grid)]
    return list(dict.fromkeys(cells)), machine


def cells_of(grid: Mapping[str, Any]) -> list[Cell]:
    """The product of the lists in ``grid``; the keys that come last vary fastest."""
    choices = [[(key, value) for value in listed(values)] for key, values in grid.items()]
    return [_cell(dict(choice)) for choice in itertools.product(*choices)]


def _cell(values: Mapping[str, Any]) -> Cell:
    check_choice("network", values["network"], tuple(networks()))
    return Cell(
        network=values["network"],
        seed=integer("seed", values["seed"], low=0),
        narrowing=_narrowing(values),
        rewriting=_rewriting(values),
        sharing=_sharing(values),
        half=truth("half", values["half"]),
        scratch=truth("scratch", values["scratch"]),
        steps=integer("steps", values["steps"], low=0),
        rate=real("rate", values["rate"], low=0.0, open_low=True),
        draw=integer("draw", values["draw"], low=0),
        test_images=integer("test_images", values["test_images"], low=0),
        recalibration_images=integer("recalibrate", values["recalibrate"], low=0),
    )


def _narrowing(values: Mapping[str, Any]) -> Narrowing | None:
    if values["width"] is None:
        return None
    ratio = real("ratio", values["ratio"], low=0.0, high=1.0, open_low=True)
    return Narrowing(_component("width", values["width"]), ratio, values["scope"])


def _rewriting(values: Mapping[str, Any]) -> Rewriting | None:
    if values["rewriter"] is None:
        return None
    return Rewriting(_component("rewriter", values["rewriter"]), _budget(values), values["layers"])


def _budget(values: Mapping[str, Any]) -> Budget:
    """The one that is given."""
    given = [key for key in ("keep", "pattern", "bits") if values[key] is not None]
    if len(given) != 1:
        raise TropnncError(f"{values['rewriter']}: one of keep, pattern and bits is accepted")
    value = values[given[0]]
    if given[0] == "keep":
        return Keep(real("keep", value))
    if given[0] == "bits":
        return Bits(integer("bits", value, low=1))
    try:
        kept, group = (int(part) for part in str(value).split(":"))
    except ValueError:
        raise TropnncError(f"pattern = {value} is not accepted; N:M, such as 2:4, is") from None
    return Pattern(kept, group)


def _sharing(values: Mapping[str, Any]) -> Sharing | None:
    pruned = real("prune", values["prune"])
    if values["share"] is None and not pruned:
        return None
    if values["share"] is None:
        return Sharing(pruned)
    count = integer("k", values["k"], low=1)
    return Sharing(pruned, _component("share", values["share"]), count, values["codebook"])


def _component(key: str, value: Any) -> Component:
    """A name, or name and options."""
    given = value if isinstance(value, Mapping) else {"name": value}
    if not (isinstance(given.get("name"), str) and given.keys() <= {"name", "options"}):
        accepted = "NAME or {name: NAME, options: {KEY: VALUE}}"
        raise TropnncError(f"{key} = {value} is not accepted; {accepted} is")
    chosen = given.get("options", {})
    if not isinstance(chosen, Mapping) or any(isinstance(v, Mapping) for v in chosen.values()):
        raise TropnncError(f"{key}: options {chosen} are not accepted; {{KEY: VALUE}} are")
    return Component(given["name"], options(chosen))
