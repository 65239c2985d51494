"""Command lines: expected errors are one line and an exit code, others keep their traceback."""

import errno
import os
import subprocess
import sys

import pytest

from experiments.console import BEGIN_AGAIN, CellsFailed, short_errors
from tests.harness.cells import ROOT
from tropnnc import TropnncError

TALKING = """
from experiments.console import say, short_errors
with short_errors("talk"):
    while True:
        say("y" * 1000)
"""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CellsFailed(), 1, ""),
        (TropnncError("no such\n  thing"), 2, "check: no such thing\n"),
        (KeyboardInterrupt(), 130, f"check: interrupted: nothing is half-written; {BEGIN_AGAIN}\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.csv"),
            *(1, f"check: x.csv: No space left on device; {BEGIN_AGAIN}\n"),
        ),
    ],
)
def test_expected_errors(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leave, short_errors("check", BEGIN_AGAIN):
        raise error
    assert leave.value.code == code
    assert capsys.readouterr().err == line


def test_our_own_faults_keep_their_traceback() -> None:
    with pytest.raises(KeyError), short_errors("check"):
        raise KeyError("a")


def test_a_reader_that_has_read_enough_sees_no_traceback() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "HYDRA_FULL_ERROR"}
    process = subprocess.Popen(
        [sys.executable, "-c", TALKING],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == b""
