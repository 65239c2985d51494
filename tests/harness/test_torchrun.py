"""The whole command by torchrun: one record and one print-out, the same after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments.record import read_records
from tests.harness.cells import ROOT

pytestmark = pytest.mark.slow
# 3,500 images in batches of 499: the last one has 7.
CELL = (
    *("arch=mlp", "arch.widths=[16]", "train.epochs=1", "train.batch=250", "method=l1"),
    *("finetune.epochs=3", "finetune.report=[1]", "finetune.batch=499", "finetune.shift=1"),
)
LONG = (*CELL, "finetune.epochs=60", "finetune.report=[]")
# As it is, but snapshots of trainings that are short.
EAGER = """
import runpy, sys
from experiments import resuming
resuming.SECONDS = 0.0
sys.argv = ["run.py", *sys.argv[1:]]
runpy.run_path("run.py", run_name="__main__")
"""


def torchrun(results: Path, overrides: Sequence[str], script: str = "run.py") -> subprocess.Popen:
    """``script`` in two processes; a group of processes of its own, to be killed as one."""
    environment = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc_per_node", "2", script, *overrides, f"results_dir={results}"),
        ],
        cwd=ROOT,
        env={**environment, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def record_in(results: Path) -> dict[str, Any]:
    [record] = read_records(results / "runs")
    return record


def helper_of(agent: int) -> int:
    """The second process that torchrun has started."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            environment = (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == agent and b"RANK=1" in environment:
            return int(path.name)
    raise AssertionError("no helper")


@pytest.mark.timeout(600)
def test_one_record_and_one_print_out(tmp_path: Path) -> None:
    command = (*CELL, "finetune.processes=2")
    first = torchrun(tmp_path, command)
    out, err = first.communicate()
    assert first.returncode == 0, err
    assert out.count("mnist5k mlp l1 ratio=0.5 seed=0") == 1
    assert out.count("(written)") == 1
    record = record_in(tmp_path)
    assert record["config"]["finetune"]["processes"] == 2
    assert [point["epoch"] for point in record["finetuned"]] == [1, 3]
    alone = subprocess.run(
        [sys.executable, "run.py", *CELL, f"results_dir={tmp_path / 'alone'}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    assert b"(written)" in alone.stdout
    single = record_in(tmp_path / "alone")
    for key in ("dense", "compressed", "output_error"):
        assert record[key] == single[key]
    for ours, theirs in zip(record["finetuned"], single["finetuned"], strict=True):
        assert ours["total"] == theirs["total"] == 1000
        assert abs(ours["correct"] - theirs["correct"]) <= 2  # weights up to rounding


@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", ["helper", "all"])
def test_killed_it_goes_on_to_the_same_record(tmp_path: Path, victim: str) -> None:
    script = tmp_path / "eager.py"
    script.write_text(EAGER)
    command = (*LONG, "finetune.processes=2")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = torchrun(killed, command, str(script))
    deadline = time.monotonic() + 300
    while not list((killed / "runs" / "finetunings").glob("*/*")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    if victim == "helper":
        os.kill(helper_of(process.pid), signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGKILL)
        _kill_children_of_the_dead(killed)
    process.communicate()
    assert process.returncode != 0
    assert not list(read_records(killed / "runs"))
    again = torchrun(killed, command, str(script))
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert out.count("goes on after epoch") == 1
    straight = torchrun(whole, command)
    assert straight.communicate()[0].count("(written)") == 1
    assert record_in(killed)["finetuned"] == record_in(whole)["finetuned"]
    assert not list((killed / "runs" / "finetunings").glob("*"))


@pytest.mark.timeout(300)
def test_another_number_of_processes_is_one_line(tmp_path: Path) -> None:
    process = torchrun(tmp_path, CELL)
    out, err = process.communicate()
    assert process.returncode != 0
    assert out == ""
    [line] = [line for line in err.splitlines() if line.startswith("run.py: ")]
    assert line == (
        "run.py: finetune.processes = 1 is not accepted in 2 of them; python run.py … is, or"
        " finetune.processes=2"
    )
    assert "exitcode  : 2" in err
    assert not (tmp_path / "runs" / "cells").exists()
