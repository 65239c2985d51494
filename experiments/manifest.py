"""Which cells an experiment consists of, written when the last of them is settled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from experiments.damage import set_aside
from experiments.record import Record, read_record
from experiments.seal import is_sealed, seal
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic

# Overrides that leave every cell of an experiment what it is.
_HARMLESS = (
    *("experiment", "device", "data_dir", "checkpoints_dir", "results_dir"),
    *("plan", "train_missing", "decoders", "workers", "cells_per_job"),
)


def experiment_name(hydra: DictConfig) -> str | None:
    """The experiment that ran, or None where the command line made it another one."""
    name = hydra.runtime.choices.get("experiment")
    keys = [str(line).partition("=")[0] for line in hydra.overrides.task]
    return name if all(key in _HARMLESS for key in keys) else None


def write_manifest(runs_dir: Path, experiment: str, identities: Sequence[str]) -> Path:
    """Write the identities of the experiment's cells, in the order of its grid; return where."""
    path = _path(runs_dir, experiment)
    content = seal({"cells": list(identities)})
    write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def read_manifest(runs_dir: Path, experiment: str) -> list[str] | None:
    """The identities of the experiment's cells; None where it has not been run here.

    A damaged manifest is set aside: a rerun of the experiment writes it again.
    """
    path = _path(runs_dir, experiment)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        content = None
    if isinstance(content, dict) and is_sealed(content):
        return content["cells"]
    set_aside(path, runs_dir / "damaged", "its checksum differs: truncated or edited?")
    return None


def experiment_records(
    runs_dir: Path, experiment: str, command: str = "python run.py experiment="
) -> list[Record] | None:
    """The settled records of the experiment's cells; None where it has not been run here.

    Args:
        runs_dir: where they are.
        experiment: its name.
        command: what runs an experiment, its name behind it.

    Raises:
        TropnncError: some are missing.
    """
    identities = read_manifest(runs_dir, experiment)
    if identities is None:
        return None
    records = [read_record(runs_dir, identity) for identity in identities]
    found = [record for record in records if record is not None]
    if len(found) < len(identities):
        raise TropnncError(
            f"{len(identities) - len(found)} of {len(identities)} cells of {experiment} are"
            f" missing; complete it: {command}{experiment}"
        )
    return found


def _path(runs_dir: Path, experiment: str) -> Path:
    return runs_dir / "experiments" / f"{experiment}.json"
