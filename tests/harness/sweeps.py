"""A sweep of tiny cells on the command line, to be interrupted, doubled and starved."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from experiments.record import read_records
from experiments.report.render import to_markdown
from experiments.report.rows import summary_rows
from experiments.report.summary import SummaryRow, write_summary
from experiments.report.tables import blocks
from tests.harness.cells import ROOT

GRID = (
    *("arch=mlp", "arch.widths=[8]", "train.epochs=1", "train.batch=250", "calibration.images=32"),
    *("method=random,l1,l2,misiakos", "ratio=0.75,0.5,0.25", "seed=0,1"),
)
CELLS, NETWORKS = 24, 2


def start(results: Path, *prefix: str, overrides: Sequence[str] = ()) -> subprocess.Popen[str]:
    """The sweep in a process of its own; ``prefix`` replaces ``python run.py``."""
    command = prefix or (sys.executable, "run.py")
    environment = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    return subprocess.Popen(
        [*command, "-m", *GRID, f"results_dir={results}", *overrides],
        cwd=ROOT,
        env={**environment, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What the sweep printed; it succeeded."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def records(results: Path) -> dict[str, int]:
    """Name and inode of every record: a file that is written again gets another inode."""
    return _inodes(results / "runs" / "cells")


def checkpoints(results: Path) -> dict[str, int]:
    """Name and inode of every trained network."""
    return _inodes(results / "runs" / "checkpoints")


def wait_for_records(results: Path, count: int) -> None:
    """Return once ``count`` records are there."""
    deadline = time.monotonic() + 60
    while len(records(results)) < count:
        assert time.monotonic() < deadline, "no records"
        time.sleep(0.002)


def report(results: Path) -> tuple[str, str]:
    """Summary and table of all records, without times and memory."""
    rows = [_untimed(row) for row in summary_rows(read_records(results / "runs"))]
    write_summary(rows, results / "summary.csv")
    return (results / "summary.csv").read_text(), to_markdown(blocks(rows))


def leftovers(folder: Path) -> Sequence[Path]:
    """Temporary files that were not renamed."""
    return list(folder.rglob(".*"))


def _untimed(row: SummaryRow) -> SummaryRow:
    timings = [field.name for field in fields(row) if field.name.endswith("_seconds")]
    return replace(row, **dict.fromkeys(timings, 0.0), peak_rss=None)


def _inodes(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.glob("[!.]*"):
        found[path.name] = path.stat().st_ino
    return found
