"""All cells of an experiment, what is missing measured."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm import tqdm

from experiments.coded_images.cells import Found, runs_dir, settle
from experiments.coded_images.settings import CodedCell
from experiments.console import CellsFailed, say
from experiments.determinism import one_thread
from experiments.manifest import write_manifest
from experiments.record import record_path
from experiments.settings import Machine
from tropnnc import clustering


def run_experiment(name: str, cells: Sequence[CodedCell], machine: Machine) -> None:
    """Settle ``cells``, and note that the experiment consists of them.

    Cells on networks whose weights are not at hand are left out, and named.

    Raises:
        CellsFailed: at least one did; each is named.
    """
    found: list[Found] = []
    with tqdm(cells, desc=name, unit="cell", delay=2, leave=False, disable=None) as bar:
        for cell in bar:
            bar.set_postfix_str(cell.label)
            with one_thread(), clustering.one_thread():
                found.append(settle(cell, machine))
    _finish(name, found, machine)


def _finish(name: str, found: Sequence[Found], machine: Machine) -> None:
    for reason in dict.fromkeys(each.reason for each in found if each.record is None):
        say(f"{name}: skipped: {reason}")
    failed = [each for each in found if each.failed]
    for each in failed:
        path = record_path(runs_dir(machine), (each.record or {})["identity"])
        say(f"{name}: failed: {each.cell.label}: traceback in {path}")
    records = [each.record for each in found if each.record is not None]
    computed = sum(each.computed for each in found)
    say(f"{name}: {len(records)} cells, {computed} computed, {len(failed)} failed")
    if failed:
        raise CellsFailed
    if records:
        write_manifest(runs_dir(machine), name, [record["identity"] for record in records])
