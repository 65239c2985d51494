"""Summaries of the frontier's experiments, and the networks that they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from experiments.report.statistics import Place
from experiments.report.summary import SummaryRow, read_summary
from tropnnc.errors import TropnncError

# On all networks at hand, those that decide something first.
NETWORKS = tuple(
    f"frontier_{name}"
    for name in (
        *("vgg", "vgg100", "resnet20_trained", "lite0"),
        *("alexnet", "squeezenet", "mnist"),
        *("resnet20", "resnet56", "mnist_published"),
    )
)
# Their test images were seen while the methods were made (theory.md 5.2).
DEVELOPMENT = ("cifar10_resnet20", "cifar10_resnet56", "lenet300100_caffe")
# Set apart by what they are made of, not by a paper of their own (theory.md 5.2 names its sources).
OURS = (
    *("composed", "gaussian_ls", "tropnnc_gaussian"),
    *("synthetic_ls", "tropnnc_synthetic", "sequential_ls"),
)
RECALIBRATED = " + re-calibration"


class NotRun(TropnncError):
    """None of the experiments that a picture is made of has a summary."""


def read_rows(results: Path, experiments: Iterable[str], suffix: str = "") -> list[SummaryRow]:
    """The cells that are done of those ``experiments`` that have a summary, each once.

    Raises:
        NotRun: there is no summary.
    """
    names = [f"{experiment}{suffix}" for experiment in experiments]
    paths = [results / "summary" / f"{name}.csv" for name in names]
    found = [read_summary(path) for path in paths if path.exists()]
    if not found:
        raise NotRun(f"no results/summary/{', '.join(names)}.csv yet")
    rows = {row.identity: row for rows in found for row in rows if row.status == "done"}
    return list(rows.values())


def title(place: Place) -> str:
    """A network without its options; one that the methods were made on is marked."""
    network = place.arch.partition("(")[0]
    text = replace(place, arch=network).title
    return f"{text} (development network)" if network in DEVELOPMENT else text
