"""``python -m experiments.report quick``: summary, tables and figure of an experiment."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.console import BEGIN_AGAIN, say, short_errors
from experiments.manifest import experiment_records
from experiments.report.figure import figures
from experiments.report.latency import csv_path, write_tables
from experiments.report.paired import paired_path, paired_rows, read_paired, write_paired
from experiments.report.paired_tables import all_blocks
from experiments.report.render import to_latex, to_markdown, to_text
from experiments.report.rows import summary_rows
from experiments.report.style import save
from experiments.report.summary import read_summary, write_summary
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic


def report(experiment: str, results: Path) -> tuple[str, list[Path]]:
    """Write everything about ``experiment``; its tables as text, and the paths written.

    The CSV is renewed where the experiment's cells are on disk; the rest is made from the CSV.

    Raises:
        TropnncError: no summary and no cells, or cells that are missing.
    """
    csv = results / "summary" / f"{experiment}.csv"
    records = experiment_records(results / "runs", experiment)
    if records is not None:
        write_summary(summary_rows(records), csv)
        paired = paired_rows(records)
        if paired:
            write_paired(paired, paired_path(results, experiment))
    elif not csv.exists():
        raise TropnncError(
            f"no experiment {experiment!r} in {results}; run it first:"
            f" python run.py experiment={experiment}"
        )
    rows = read_summary(csv)
    tables = all_blocks(rows, read_paired(paired_path(results, experiment)))
    stem = results / "tables" / experiment
    write_atomic(stem.with_suffix(".md"), to_markdown(tables).encode())
    write_atomic(stem.with_suffix(".tex"), to_latex(tables).encode())
    drawn: list[Path] = []
    for suffix, figure in figures(rows).items():
        drawn += save(figure, results / "figures" / f"{experiment}{suffix}")
    text = to_text(tables)
    if csv_path(results, experiment).exists():
        text += f"\n{write_tables(experiment, results)}"
    return text, [csv, stem.with_suffix(".md"), stem.with_suffix(".tex"), *drawn]


def known(results: Path) -> list[str]:
    """The experiments that are complete on this disk or have a summary."""
    complete = (results / "runs" / "experiments").glob("*.json")
    return sorted({path.stem for path in (*complete, *(results / "summary").glob("*.csv"))})


def main() -> None:
    """Exit code 0, or 2 after one line on what is missing."""
    parser = argparse.ArgumentParser("python -m experiments.report", description=__doc__)
    parser.add_argument(
        "experiment",
        nargs="*",
        help="names of files in conf/experiment; none: every one with results",
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    parser.add_argument("--paths", action="store_true", help="print no table, only the paths")
    arguments = parser.parse_args()
    with short_errors("report", BEGIN_AGAIN):
        for experiment in arguments.experiment or known(arguments.results):
            text, paths = report(experiment, arguments.results)
            say("\n".join([*([] if arguments.paths else [text, ""]), *map(str, paths)]))


if __name__ == "__main__":
    main()
