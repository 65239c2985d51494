"""The whole command by torchrun: one record and one print-out, the same after a kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from experiments.record import read_records
from tests.harness.cells import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
# 3,500 images in batches of 499: the last one has 7.
CELL = (
    *("arch=mlp", "arch.widths=[16]", "train.epochs=1", "train.batch=250", "method=l1"),
    *("finetune.epochs=8", "finetune.report=[1]", "finetune.batch=499", "finetune.shift=1"),
)
TWO = (*CELL, "finetune.processes=2")
# run.py with a file after every epoch, and time to kill it there.
SLOW = """
import runpy, sys, time
from experiments import resuming
save = resuming.Snapshot.save
def save_and_sleep(*state):
    save(*state)
    time.sleep(0.5)
resuming.SECONDS, resuming.Snapshot.save = 0.0, save_and_sleep
sys.argv = ["run.py", *sys.argv[1:]]
runpy.run_path("run.py", run_name="__main__")
"""


@dataclass(frozen=True)
class Ended:
    """A command that was waited for."""

    code: int
    out: str
    err: str
    results: Path

    @property
    def record(self) -> dict[str, Any]:
        """The only one."""
        [record] = read_records(self.results / "runs")
        return record


def start(results: Path, overrides: Sequence[str], *command: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    return subprocess.Popen(
        [sys.executable, *command, *overrides, f"results_dir={results}"],
        cwd=ROOT,
        env={**environment, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def torchrun(
    results: Path, overrides: Sequence[str], script: str = "run.py"
) -> subprocess.Popen[str]:
    options = ("--standalone", "--nproc_per_node", "2")
    return start(results, overrides, "-m", "torch.distributed.run", *options, script)


def ended(process: subprocess.Popen[str], results: Path) -> Ended:
    out, err = process.communicate()
    return Ended(process.returncode, out, err, results)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    results = tmp_path_factory.mktemp("whole")
    return ended(torchrun(results, TWO), results)


def started_by(agent: int) -> list[int]:
    """The processes of a torchrun by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            variables = (path / "environ").read_bytes().split(b"\0")
            if parent == agent:
                [rank] = [own for own in variables if own.startswith(b"RANK=")]
                found[rank] = int(path.name)
    return [found[rank] for rank in (b"RANK=0", b"RANK=1")]


def killed(process: subprocess.Popen[str], results: Path, all_of_them: bool) -> Ended:
    """Wait for a file in which a later epoch is, then kill."""
    folder, before = results / "runs" / "finetunings", _inodes(results)
    deadline = time.monotonic() + 600
    while _inodes(results) in ([], before):
        assert time.monotonic() < deadline, folder
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    ranks = started_by(process.pid)
    for victim in [process.pid, *ranks] if all_of_them else ranks[1:]:
        os.kill(victim, signal.SIGKILL)
    return ended(process, results)


def _inodes(results: Path) -> list[int]:
    """Of the files in which a fine-tuning goes on; a later epoch has another one."""
    return [path.stat().st_ino for path in (results / "runs" / "finetunings").glob("*/[!.]*")]


def test_two_processes_write_and_print_what_one_does(whole: Ended, tmp_path: Path) -> None:
    assert whole.code == 0, whole.err
    assert whole.out.count("mnist5k mlp l1 ratio=0.5 seed=0") == 1
    assert whole.out.count("(written)") == 1
    assert whole.record["config"]["finetune"]["processes"] == 2
    alone = ended(start(tmp_path, CELL, "run.py"), tmp_path)
    assert len(alone.out.splitlines()) == len(whole.out.splitlines())
    assert _names(tmp_path, "checkpoints") == _names(whole.results, "checkpoints")
    for key in ("dense", "compressed", "output_error"):
        assert alone.record[key] == whole.record[key]
    points = list(zip(alone.record["finetuned"], whole.record["finetuned"], strict=True))
    assert [one["epoch"] for one, _ in points] == [1, 8]
    for one, two in points:
        assert one["total"] == two["total"] == 1000
        assert abs(one["correct"] - two["correct"]) <= 3  # the weights differ by rounding


def _names(results: Path, folder: str) -> list[str]:
    return sorted(path.name for path in (results / "runs" / folder).iterdir())


def test_killed_one_or_all_it_goes_on_to_the_same_record(whole: Ended, tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    for all_of_them in (False, True):
        lost = killed(torchrun(tmp_path, TWO, str(script)), tmp_path, all_of_them)
        assert lost.code != 0
        assert not list(read_records(tmp_path / "runs"))
    again = ended(torchrun(tmp_path, TWO, str(script)), tmp_path)
    assert again.code == 0, again.err
    assert again.out.count("goes on after epoch") == 1
    assert again.record["finetuned"] == whole.record["finetuned"]
    assert not _inodes(tmp_path)


def test_another_number_of_processes_is_one_line(tmp_path: Path) -> None:
    refused = ended(torchrun(tmp_path, CELL), tmp_path)
    assert refused.code != 0
    assert refused.out == ""
    [line] = [line for line in refused.err.splitlines() if line.startswith("run.py: ")]
    assert line == (
        "run.py: finetune.processes = 1 is not accepted in 2 of them; python run.py … is, or"
        " finetune.processes=2"
    )
    assert re.search(r"exitcode *: 2\b", refused.err)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["hydra"]  # Hydra's own


def test_killed_it_goes_on_with_what_was_not_sent_yet(tmp_path: Path) -> None:
    sent = (*TWO, "comm.codec=topk_rice", "comm.keep=0.02", "comm.values=qsgd")
    folders = {name: tmp_path / name for name in ("whole", "killed")}
    whole = ended(torchrun(folders["whole"], sent), folders["whole"])
    assert whole.code == 0, whole.err
    section = whole.record["communication"]
    assert section["steps"] == 8 * 8
    assert section["bytes_per_step"] < 0.1 * section["dense_bytes_per_step"]
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    lost = killed(torchrun(folders["killed"], sent, str(script)), folders["killed"], True)
    assert lost.code != 0
    again = ended(torchrun(folders["killed"], sent, str(script)), folders["killed"])
    assert again.out.count("goes on after epoch") == 1
    for key in ("finetuned", "communication", "identity"):
        assert again.record[key] == whole.record[key]
