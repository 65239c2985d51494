"""Which cells an experiment consists of, written when the last of them is settled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from tropnnc.files import write_atomic

# Overrides that leave every cell of an experiment what it is.
_HARMLESS = ("experiment", "device", "data_dir", "results_dir", "plan")


def experiment_name(hydra: DictConfig) -> str | None:
    """The experiment that ran, or None where the command line made it another one."""
    name = hydra.runtime.choices.get("experiment")
    keys = [str(line).partition("=")[0] for line in hydra.overrides.task]
    return name if all(key in _HARMLESS for key in keys) else None


def write_manifest(runs_dir: Path, experiment: str, identities: Sequence[str]) -> Path:
    """Write the identities of the experiment's cells, in the order of its grid; return where."""
    path = _path(runs_dir, experiment)
    write_atomic(path, (json.dumps({"cells": list(identities)}, indent=1) + "\n").encode())
    return path


def read_manifest(runs_dir: Path, experiment: str) -> list[str] | None:
    """The identities of the experiment's cells; None where it has not been run here."""
    path = _path(runs_dir, experiment)
    return json.loads(path.read_text())["cells"] if path.exists() else None


def _path(runs_dir: Path, experiment: str) -> Path:
    return runs_dir / "experiments" / f"{experiment}.json"
