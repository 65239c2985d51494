"""A block that takes too long is stopped, whatever it survives otherwise."""

import signal
import time

import pytest

from experiments.time_limit import OutOfTime, time_limit


def survive_everything() -> None:
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            continue


def test_a_block_is_stopped_though_it_survives_exceptions() -> None:
    started = time.monotonic()
    with pytest.raises(OutOfTime), time_limit(0.05):
        survive_everything()
    assert time.monotonic() - started < 2


def test_a_block_in_time_leaves_no_alarm_behind() -> None:
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with time_limit(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] <= timer[0]


def test_no_time_left_is_no_time() -> None:
    with pytest.raises(OutOfTime), time_limit(-3):
        time.sleep(5)
