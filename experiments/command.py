"""What ``run.py`` does once the configuration is composed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.bench import check_inputs
from experiments.block import result_block
from experiments.cell import Outcome, check_parts, run_cell
from experiments.console import CellsFailed, say
from experiments.manifest import experiment_name, write_manifest
from experiments.parsing import cell_settings, machine_settings
from experiments.report.render import to_text
from experiments.report.summary import summary_rows
from experiments.report.tables import blocks
from experiments.settings import CellSettings, Machine
from experiments.sweep import check_sweep, counts, run_sweep


def cell_command(config: DictConfig) -> None:
    """One cell, and its result."""
    [cell], machine = _parse([config])
    check_parts(cell)
    check_inputs(cell, machine)
    outcome = run_cell(cell, machine)
    if outcome.status == "failed":
        _name_failures([outcome])
        raise CellsFailed
    say(result_block(outcome))


def sweep_command(configs: Sequence[DictConfig], hydra: DictConfig) -> None:
    """All cells of a sweep, a summary table, the failures."""
    cells, machine = _parse(configs)
    check_sweep(cells, machine)
    outcomes = run_sweep(cells, machine)
    records = [outcome.record for outcome in outcomes if outcome.record is not None]
    settled = [record for record in records if record["status"] != "failed"]
    if settled:
        say(to_text(blocks(summary_rows(settled))))
    say(counts(outcomes))
    failures = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failures:
        _name_failures(failures)
        raise CellsFailed
    experiment = experiment_name(hydra)
    if experiment is not None:
        write_manifest(machine.runs_dir, experiment, [record["identity"] for record in settled])
        say(f"table and figure: python -m experiments.report {experiment}")


def _parse(configs: Iterable[DictConfig]) -> tuple[list[CellSettings], Machine]:
    resolved = [_resolved(config) for config in configs]
    return [cell_settings(config) for config in resolved], machine_settings(resolved[0])


def _resolved(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _name_failures(failures: Sequence[Outcome]) -> None:
    for outcome in failures:
        reason = outcome.message.strip().splitlines()[-1]
        say(f"failed: {outcome.cell.label}: {reason}")
        if outcome.path is not None:
            say(f"        traceback in {outcome.path}")
