"""A table of its own, as Markdown, LaTeX and text, and what its cells and captions say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from experiments.report.render import to_latex_table
from experiments.report.statistics import FEW, Place, Sample
from experiments.report.summary import SummaryRow
from tropnnc.files import write_atomic


def write_table(frame: pd.DataFrame, texts: int, caption: str, stem: Path) -> str:
    """Write ``stem.md`` and ``stem.tex``; returns the text.

    Args:
        frame: cells as text.
        texts: number of leading columns that are text; the others are numbers.
        caption: one paragraph.
        stem: path without suffix.
    """
    alignment = ("left",) * texts + ("right",) * (len(frame.columns) - texts)
    text = str(frame.to_markdown(index=False, disable_numparse=True, colalign=alignment))
    write_atomic(stem.with_suffix(".md"), f"**{caption}**\n\n{text}\n".encode())
    write_atomic(stem.with_suffix(".tex"), to_latex_table(frame, texts, caption).encode())
    return f"{caption}\n{text}"


def signed(sample: Sample, digits: int) -> str:
    """``+0.52 ± 0.10``; no deviation of a single value; fewer than three are marked."""
    spread = f" ± {sample.sd:.{digits}f}" if sample.n > 1 else ""
    return f"{sample.mean:+.{digits}f}{spread}{'†' if sample.n < FEW else ''}"


def networks(places: Mapping[Place, Iterable[SummaryRow]]) -> str:
    """How many dense networks there are in each place: ``3``, or ``3 or 5``."""
    counts = {len({row.checkpoint for row in rows}) for rows in places.values()}
    return " or ".join(map(str, sorted(counts)))
