"""After fine-tuning at equal steps: what was learnt from, and what it brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from experiments.frontier.reading import read_rows, title
from experiments.geometry.table import write_table
from experiments.report.options import parse_options
from experiments.report.statistics import panels
from experiments.report.summary import SummaryRow, parse_settings

CAPTION = (
    "After fine-tuning at equal steps (conf/experiment/frontier_finetune.yaml): distillation from"
    " the dense network on images made from its weights or on unlabelled training images, or the"
    " ordinary one on their labels. Top-1 in % on test images, for this checkpoint. Seconds: the"
    " fine-tuning and the making of its images, one core beside a second process."
)
LABELS = "labels of all training images"


def write_finetuning(results: Path, suffix: str) -> str:
    """Write the table ``frontier_finetune_modes`` from the summary; returns its text."""
    places = panels(read_rows(results, ["frontier_finetune"], suffix))
    lines = [line for place, rows in places.items() for line in _lines(title(place), rows)]
    stem = results / "tables" / f"frontier_finetune{suffix}_modes"
    return write_table(pd.DataFrame(lines), 4, CAPTION, stem)


def mode(row: SummaryRow) -> str:
    """What the small network learnt from."""
    distil = parse_settings(row.settings).get("distil")
    if distil is None:
        return LABELS
    source, options = parse_options(distil)
    kind = "made from the weights" if source == "synthetic" else "unlabelled training images"
    return f"{int(options['count']):,} {kind}"


def _lines(network: str, rows: Sequence[SummaryRow]) -> Iterable[dict[str, str]]:
    for row in sorted(rows, key=lambda row: (row.method, -row.ratio, mode(row))):
        assert row.finetuned_correct is not None
        seconds = (row.finetune_seconds or 0.0) + (row.finetune_imagine_seconds or 0.0)
        yield {
            "network": network,
            "compressed by": row.method,
            "ratio": f"{row.ratio:g}",
            "learns from": mode(row),
            "before": f"{100 * row.correct / row.total:.1f}",
            "after": f"{100 * row.finetuned_correct / row.total:.1f}",
            "seconds": f"{seconds:.0f}",
        }
