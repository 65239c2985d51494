"""The command line in jobs: a worker killed, a cluster, and machines whose records are merged."""

import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.harness.clusters import a_cluster
from tests.harness.sweeps import CELLS, NETWORKS, checkpoints, finish, records, report, start

LOCAL = ("hydra/launcher=submitit_local", "workers=2")
TABLE = re.compile(r"^mnist5k, mlp.*?(?=^\d+ cells:)", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The sweep in one process, and what it printed."""
    results = tmp_path_factory.mktemp("serial")
    return results, finish(start(results))


def table(said: str) -> str:
    found = TABLE.search(said)
    assert found is not None
    return found[0]


def workers(results: Path) -> set[int]:
    """Processes that compute a job of the sweep in ``results``, not what they start in turn."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            if b"submitit.core._submit" in command and str(results).encode() in command:
                parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
                if b"submitit.local" in Path("/proc", parent, "cmdline").read_bytes():
                    found.add(int(path.name))
        except OSError:  # it has ended
            continue
    return found


def kill_a_new_worker(results: Path, after: int) -> tuple[int, int]:
    """Kill a worker that starts when ``after`` records are there; its process, and most at once."""
    seen: set[int] = set()
    before: set[int] = set()
    most = 0
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        now = workers(results)
        most = max(most, len(now & before))  # a scan of /proc is no instant, two are
        before = now
        if len(records(results)) >= after and now - seen:
            victim = (now - seen).pop()
            os.kill(victim, signal.SIGKILL)
            return victim, most
        seen |= now
        time.sleep(0.01)
    raise AssertionError("no worker")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_a_killed_worker_is_named_and_the_rerun_completes(
    tmp_path: Path, serial: tuple[Path, str]
) -> None:
    process = start(tmp_path, overrides=LOCAL)
    _, most = kill_a_new_worker(tmp_path, after=NETWORKS + 3)
    out, err = process.communicate()
    assert process.returncode == 1, err
    assert f"{CELLS} cells: {CELLS} computed" in out
    assert "23 done, 0 skipped, 1 failed" in out
    [lost] = re.findall(r"^failed: (.*): job \d+ ended without a result: killed, or", out, re.M)
    assert re.fullmatch(r"mnist5k mlp \w+ ratio=0\.\d+ seed=[01]", lost)
    assert most <= 2
    before, networks = records(tmp_path), checkpoints(tmp_path)
    assert len(before) == CELLS - 1

    said = finish(start(tmp_path, overrides=LOCAL))
    assert f"{CELLS} cells: 1 computed, 23 found on disk; {CELLS} done" in said
    assert before.items() <= records(tmp_path).items()
    assert networks == checkpoints(tmp_path)
    assert table(said) == table(serial[1])
    assert report(tmp_path) == report(serial[0])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_an_array_of_slurm(
    tmp_path: Path, serial: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = a_cluster(tmp_path / "cluster", monkeypatch, runs=True)
    results = tmp_path / "results"
    slurm = ("hydra/launcher=submitit_slurm", "cells_per_job=6", "hydra.launcher.partition=gpu")
    said = finish(start(results, overrides=slurm))
    assert f"{CELLS} cells: {CELLS} computed" in said
    # Two trainings go ahead; then eleven cells of either network are two jobs.
    assert len((cluster / "submissions").read_text().splitlines()) == 2
    assert "#SBATCH --array=0-3%4" in (cluster / "submitted.sh").read_text()
    assert table(said) == table(serial[1])
    assert report(results) == report(serial[0])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_records_of_several_machines_are_merged_by_copying(
    tmp_path: Path, serial: tuple[Path, str]
) -> None:
    halves = [tmp_path / "one", tmp_path / "two"]
    for half, methods in zip(halves, ("random,l1", "l2,misiakos"), strict=True):
        said = finish(start(half, overrides=[f"method={methods}"]))
        assert f"{CELLS // 2} computed" in said
    merged = tmp_path / "merged"
    for half in halves:
        for folder in ("cells", "checkpoints"):
            copied = merged / "runs" / folder
            shutil.copytree(half / "runs" / folder, copied, dirs_exist_ok=True)
    said = finish(start(merged))
    assert f"0 computed, {CELLS} found on disk" in said
    assert table(said) == table(serial[1])
    assert report(merged) == report(serial[0])
