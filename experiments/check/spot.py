"""``make spot-check``: committed cells, drawn at random, computed again from nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from experiments.check.cost import Networks
from experiments.check.draw import Drawn, draw, random_order
from experiments.check.lookup import Cells
from experiments.check.today import cell_of_today
from experiments.checkpoints import checkpoint_files, is_stored
from experiments.console import say
from experiments.networks import training_of
from experiments.settings import CellSettings, Machine
from experiments.time_limit import OutOfTime, time_limit
from tropnnc.errors import TropnncError

Outcome = Literal["same bits", "MISMATCH", "FAILED", "stale", "not reached"]
# Of the time, for what is planned: estimates err, and other work may share the machine.
PLANNED = 0.6


def spot_check(machine: Machine, number: int, seed: int, minutes: float) -> bool:
    """Recompute ``number`` committed cells; whether some were compared and all agree.

    Which cells: :func:`experiments.check.draw.draw`. After ``minutes`` the one at work is stopped.

    Raises:
        TropnncError: nothing committed.
    """
    order = random_order(machine.results_dir, seed)
    say(
        f"{number} of {len(order):,} committed cells in the random order of seed {seed}; a network"
        f" that does not fit into {minutes:g} minutes with the others is left out with its cells"
    )
    cells: Sequence[Drawn] = ()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder, suppress(OutOfTime), time_limit(60 * minutes):
        fresh = replace(machine, results_dir=Path(folder), device="cpu")
        drawn = draw(order, number, PLANNED * 60 * minutes, Networks(machine).of)
        say(drawn.text)
        cells = drawn.cells
        for one in cells:
            outcome, text = _check(one, machine, fresh)
            say(f"{outcome}: {one.label}: {text}")
            outcomes.append(outcome)
    for one in cells[len(outcomes) :]:
        say(f"not reached: {one.label}: {minutes:g} minutes are over")
        outcomes.append("not reached")
    numbers = ", ".join(f"{outcomes.count(o)} {o}" for o in dict.fromkeys(outcomes))
    say(f"{len(outcomes)} committed cells: {numbers or 'none fits into the time'}")
    return "same bits" in outcomes and not {"MISMATCH", "FAILED"} & set(outcomes)


def _check(drawn: Drawn, machine: Machine, fresh: Machine) -> tuple[Outcome, str]:
    row = drawn.row
    cell = cell_of_today(drawn, machine)
    if isinstance(cell, str):
        return "stale", cell
    network = _provide_network(cell, machine, fresh)
    try:
        again = Cells(fresh, {}).compute(cell)
    except TropnncError as error:
        return "FAILED", str(error)
    if again.checkpoint != row.checkpoint:
        return "MISMATCH", f"dense weights {row.checkpoint[:16]}, now {again.checkpoint[:16]}"
    if again.bits_sha256 != row.bits_sha256:
        return "MISMATCH", f"bits {row.bits_sha256}, now {again.bits_sha256} on {network}"
    return "same bits", f"{row.bits_sha256} on {network}"


def _provide_network(cell: CellSettings, machine: Machine, fresh: Machine) -> str:
    """Copy the dense network if it is stored here; say where it comes from."""
    training = training_of(cell, machine)
    if training is None:
        return "published weights"
    if not is_stored(training, machine.runs_dir):
        return "a network trained anew"
    targets = checkpoint_files(training, fresh.runs_dir)
    for source, target in zip(checkpoint_files(training, machine.runs_dir), targets, strict=True):
        if source != target:  # a committed one is found from anywhere
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return "its stored network"
