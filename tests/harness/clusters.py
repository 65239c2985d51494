"""A Slurm cluster of one machine: sbatch, srun and sacct as shell scripts on the path."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

FIRST_JOB = 77

# Keeps the file it is given; the tasks of its array then run in turns, in the background.
SBATCH = """#!/bin/bash
cp "$1" {folder}/submitted.sh
echo "$1" >> {folder}/submissions
job=$(({first} + $(wc -l < {folder}/submissions) - 1))
echo "Submitted batch job $job"
{runs} || exit 0
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$1")
export SLURM_JOB_ID=$job
(
  for task in $(seq 0 "${{last:-0}}"); do
    [ -z "$last" ] || export SLURM_ARRAY_JOB_ID=$job SLURM_ARRAY_TASK_ID=$task
    bash {folder}/submitted.sh
  done
) >/dev/null 2>&1 &
"""

# srun --unbuffered --output FILE --error FILE COMMAND...
SRUN = """#!/bin/bash
exec "${@:6}"
"""

SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
"""


def a_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch, runs: bool) -> Path:
    """Put the commands on the path; ``submitted.sh`` in ``folder`` is what sbatch got last."""
    (folder / "bin").mkdir(parents=True)
    sbatch = SBATCH.format(folder=folder, first=FIRST_JOB, runs="true" if runs else "false")
    for name, text in (("sbatch", sbatch), ("srun", SRUN), ("sacct", SACCT)):
        script = folder / "bin" / name
        script.write_text(text)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return folder
