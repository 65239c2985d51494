"""What ``run.py`` does once the configuration is composed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.block import result_block
from experiments.cell import Outcome, run_cell
from experiments.collector import collector_off
from experiments.console import CellsFailed, say
from experiments.engine import engine_settings
from experiments.finished import sweep_files, write_stamp
from experiments.manifest import experiment_name, write_manifest
from experiments.parsing import cell_settings, machine_settings, plan_only
from experiments.plan import make_plan
from experiments.report.paired import paired_rows
from experiments.report.paired_tables import all_blocks
from experiments.report.render import to_text
from experiments.report.rows import summary_rows
from experiments.settings import CellSettings, Machine
from experiments.stamp import Stamp
from experiments.sweep import check_processes, check_sweep, counts, run_sweep


def cell_command(config: DictConfig) -> None:
    """One cell, and its result."""
    [cell], machine, plan = _parse([config])
    check_sweep([cell], machine)
    if plan:
        say(make_plan([cell], machine).text)
        return
    check_processes([cell])
    outcome = run_cell(cell, machine)
    _raise_failures([outcome])
    say(result_block(outcome))


def sweep_command(configs: Sequence[DictConfig], hydra: DictConfig, stamp: Stamp | None) -> None:
    """All cells of a sweep, a summary table, the failures; what is complete gets its ``stamp``."""
    with collector_off():  # the methods import their libraries
        cells, machine, plan = _parse(configs)
        engine = engine_settings(hydra.launcher, configs[0])
        check_sweep(cells, machine if engine is None else replace(machine, device="cpu"))
    if plan:
        say(make_plan(cells, machine).text)
        return
    check_processes(cells, in_jobs=engine is not None)
    if engine is None:
        outcomes = run_sweep(cells, machine)
    else:
        from experiments.submission import submit_sweep  # noqa: PLC0415  (of the extra `scale`)

        outcomes = submit_sweep(cells, machine, engine)
    settled = [o.record for o in outcomes if o.record is not None and o.status != "failed"]
    paired = {row.identity: row for row in paired_rows(settled)}
    table = to_text(all_blocks(summary_rows(settled), paired)) if settled else ""
    say(f"{table}\n{counts(outcomes)}".lstrip())
    _raise_failures(outcomes)
    _finish(outcomes, machine, hydra, stamp, table)


def _finish(
    outcomes: Sequence[Outcome],
    machine: Machine,
    hydra: DictConfig,
    stamp: Stamp | None,
    table: str,
) -> None:
    """Note which cells the experiment consists of, and what its rerun is to print."""
    absent = dict.fromkeys(outcome.message for outcome in outcomes if outcome.record is None)
    if absent:
        say("\n".join(f"skipped: {reason}" for reason in absent))
        return
    files = sweep_files(outcomes, machine)
    lines = [table, counts(replace(outcome, computed=False) for outcome in outcomes)]
    experiment = experiment_name(hydra)
    if experiment is not None:
        identities = [outcome.record["identity"] for outcome in outcomes if outcome.record]
        files.append(write_manifest(machine.runs_dir, experiment, identities))
        lines.append(f"table and figure: python -m experiments.report {experiment}")
        say(lines[-1])
    if stamp is not None:
        write_stamp(stamp, files, "\n".join(lines))


def _parse(configs: Iterable[DictConfig]) -> tuple[list[CellSettings], Machine, bool]:
    resolved = [_resolved(config) for config in configs]
    # Trained from scratch, the cells of all methods are one.
    cells = list(dict.fromkeys(cell_settings(config) for config in resolved))
    return cells, machine_settings(resolved[0]), plan_only(resolved[0])


def _resolved(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _raise_failures(outcomes: Iterable[Outcome]) -> None:
    failures = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failures:
        reason = outcome.message.strip().splitlines()[-1]
        say(f"failed: {outcome.cell.label}: {reason}")
        if outcome.path is not None:
            say(f"        traceback in {outcome.path}")
    if failures:
        raise CellsFailed
