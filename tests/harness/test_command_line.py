"""``run.py`` as a user meets it: exit codes, one line on bad input, no torch before the task."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.cells import ROOT

TINY = (
    *("arch=mlp", "arch.widths=[16]", "train.epochs=1", "train.batch=250"),
    "calibration.images=32",
)
WITHOUT_TORCH = """
import runpy, sys
sys.argv = {argv!r}
try:
    runpy.run_path("run.py", run_name="__main__")
except SystemExit as leave:
    assert leave.code in (None, 0), leave.code
assert "torch" not in sys.modules
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("HYDRA_FULL_ERROR",)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python("run.py", *arguments, f"results_dir={tmp_path}")


@pytest.mark.parametrize("argument", [["--help"], ["--cfg", "job"]])
def test_help_and_configuration_need_no_torch(argument: list[str]) -> None:
    shown = python("-c", WITHOUT_TORCH.format(argv=["run.py", *argument]))
    assert shown.returncode == 0, shown.stderr
    assert "ratio: 0.5" in shown.stdout
    assert "calibration:" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["method=nonsense"], "unknown method 'nonsense'; accepted are "),
        (["-m", "dataset=nonsense,mnist5k"], "unknown dataset 'nonsense'; accepted are "),
        (["ratoi=0.5"], "unknown option 'ratoi'; python run.py --cfg job lists those accepted"),
        (["method=null"], "Config group override must be a string or a list"),
        (["ratio=0.1,0.5"], "a sweep needs -m"),
        (["ratio=0"], "ratio = 0 is not accepted; a number with 0 < ratio ≤ 1 is"),
        (["-m", "ratio=0.5,1.5"], "ratio = 1.5 is not accepted"),
        (["plan=maybe"], "plan = maybe is not accepted; true or false is"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: list[str], line: str
) -> None:
    answer = run(tmp_path, *arguments)
    assert answer.returncode == 2
    assert line in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""
    assert not list(tmp_path.rglob("*.json"))


def test_one_cell(tmp_path: Path) -> None:
    answer = run(tmp_path, *TINY, "method=l2")
    assert answer.returncode == 0, answer.stderr
    assert "mnist5k mlp l2 ratio=0.5 seed=0" in answer.stdout
    assert "1 16 → 8" in answer.stdout
    assert answer.stderr == ""
    [record] = (tmp_path / "runs" / "cells").iterdir()
    assert str(record) in answer.stdout


def test_a_sweep_with_a_failure_runs_the_rest_names_it_and_can_be_resumed(tmp_path: Path) -> None:
    # The second network's weights become NaN.
    grid = (*TINY, "method=l1,thinet", "train.learning_rate=0.01,1e30")
    first = run(tmp_path, "-m", *grid)
    assert first.returncode == 1
    assert "4 cells: 4 computed, 0 found on disk; 2 done, 0 skipped, 2 failed" in first.stdout
    assert first.stdout.count("failed: mnist5k mlp") == 2
    again = run(tmp_path, "-m", *TINY, "method=l1,thinet", "train.learning_rate=0.01")
    assert again.returncode == 0
    assert "2 cells: 0 computed, 2 found on disk" in again.stdout
    assert "mnist5k, mlp(widths=16)" in again.stdout


def test_a_finished_sweep_is_printed_again_without_torch(tmp_path: Path) -> None:
    grid = ["-m", *TINY, "method=l1,l2", f"results_dir={tmp_path}"]
    first = python("run.py", *grid)
    assert "2 cells: 2 computed, 0 found on disk" in first.stdout, first.stderr
    again = python("-c", WITHOUT_TORCH.format(argv=["run.py", *grid]))
    assert again.returncode == 0, again.stderr
    table = first.stdout[first.stdout.index("mnist5k, mlp(widths=16)") :]
    assert again.stdout == table.replace("2 computed, 0 found", "0 computed, 2 found")
    plan = python("run.py", *grid, "plan=true")
    assert plan.stdout.startswith("2 cells: 2 done, 0 skipped, 0 missing, 0 failed before\n0 net")
    next((tmp_path / "runs" / "cells").iterdir()).unlink()
    assert "2 cells: 1 computed, 1 found on disk" in python("run.py", *grid).stdout
