"""``make spot-check``: committed cells, drawn at random, computed again from nothing."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from experiments.cell import cell_versions
from experiments.check.composing import CONF, experiment_cells
from experiments.check.lookup import Cells, identity_on, may_be
from experiments.checkpoints import checkpoint_files, stored_network
from experiments.console import say
from experiments.identity import weights_hash
from experiments.networks import training_of
from experiments.report.summary import SummaryRow, read_summary
from experiments.settings import CellSettings, Machine
from tropnnc.errors import TropnncError
from tropnnc.seeding import derive_rng

Outcome = Literal["same bits", "MISMATCH", "stale", "not reached"]


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


def spot_check(machine: Machine, number: int, seed: int, minutes: float) -> bool:
    """Recompute ``number`` committed cells; whether some were compared and all agree.

    After ``minutes`` no further cell is begun.

    Raises:
        TropnncError: nothing committed, or data that is absent.
    """
    started = time.monotonic()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        fresh = replace(machine, results_dir=Path(folder), device="cpu")
        for drawn in draw(machine.results_dir, number, seed):
            outcome, text = "not reached", f"{minutes:g} minutes are over"
            if time.monotonic() - started < 60 * minutes:
                outcome, text = _check(drawn, machine, fresh)
            outcomes.append(outcome)
            say(f"{outcome}: {drawn.label}: {text}")
    numbers = ", ".join(f"{outcomes.count(o)} {o}" for o in dict.fromkeys(outcomes))
    say(f"{len(outcomes)} committed cells: {numbers}")
    return "same bits" in outcomes and "MISMATCH" not in outcomes


def draw(results: Path, number: int, seed: int) -> list[Drawn]:
    """``number`` distinct committed cells that are done, those of one network together."""
    paths = sorted((results / "summary").glob("*.csv"))
    rows = [Drawn(path.stem, row) for path in paths for row in read_summary(path)]
    done = [drawn for drawn in rows if drawn.row.status == "done"]
    if not done:
        raise TropnncError(f"{results / 'summary'}: no committed cell")
    rng = derive_rng(seed, "spot check")
    chosen = rng.choice(len(done), size=min(number, len(done)), replace=False)
    return sorted((done[index] for index in chosen), key=lambda d: (d.experiment, d.row.checkpoint))


def _check(drawn: Drawn, machine: Machine, fresh: Machine) -> tuple[Outcome, str]:
    row = drawn.row
    cell = _current(drawn, machine)
    if isinstance(cell, str):
        return "stale", cell
    reused = _reuse_network(cell, row.checkpoint, machine, fresh)
    again = Cells(fresh, {}).compute(cell)
    if again.checkpoint != row.checkpoint:
        return "MISMATCH", f"dense weights {row.checkpoint[:16]}, now {again.checkpoint[:16]}"
    network = "its stored network" if reused else "a network trained anew"
    if again.bits_sha256 != row.bits_sha256:
        return "MISMATCH", f"bits {row.bits_sha256}, now {again.bits_sha256} on {network}"
    return "same bits", f"{row.bits_sha256} on {network}"


def _current(drawn: Drawn, machine: Machine) -> CellSettings | str:
    """The cell of today whose identity is that of the row, or why there is none."""
    if not (CONF / "experiment" / f"{drawn.experiment}.yaml").exists():
        return f"no conf/experiment/{drawn.experiment}.yaml"
    row = drawn.row
    named = [cell for cell in grid(drawn.experiment) if may_be(row, cell)]
    for cell in named:
        if identity_on(cell, row.checkpoint, machine) == row.identity:
            return cell
    for cell in named:
        for versions in _older(cell):
            if identity_on(cell, row.checkpoint, machine, versions) == row.identity:
                return f"made with versions {versions}, now {cell_versions(cell)}"
    return "its configuration, the schema or the data has changed"


@cache
def grid(experiment: str) -> Sequence[CellSettings]:
    """The cells of an experiment, composed once."""
    return experiment_cells(experiment)


def _older(cell: CellSettings) -> Iterator[dict[str, int]]:
    versions = cell_versions(cell)
    for numbers in itertools.product(*(range(1, number + 1) for number in versions.values())):
        yield dict(zip(versions, numbers, strict=True))


def _reuse_network(cell: CellSettings, checkpoint: str, machine: Machine, fresh: Machine) -> bool:
    """Copy the stored dense network, if it has the weights that the row was made with."""
    training = training_of(cell, machine)
    if training is None:
        return True
    model = stored_network(training, machine.runs_dir)
    if model is None or weights_hash(model.state_dict()) != checkpoint:
        return False
    targets = checkpoint_files(training, fresh.runs_dir)
    for source, target in zip(checkpoint_files(training, machine.runs_dir), targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return True
