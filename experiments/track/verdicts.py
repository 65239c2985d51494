"""What measurements say about a statement, and the table of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.geometry.table import write_table


@dataclass(frozen=True)
class Verdict:
    """A statement, where it was tried, what was found and what that amounts to."""

    statement: str
    place: str
    found: str
    interval: str
    verdict: str


def verdict(supported: bool, contradicted: bool) -> str:
    """In one word."""
    if supported:
        return "supported"
    return "contradicted" if contradicted else "inconclusive"


def write_verdicts(verdicts: Sequence[Verdict], caption: str, stem: Path) -> str:
    """A line per statement and place, as Markdown and LaTeX; returns the text."""
    frame = pd.DataFrame(
        [
            {
                "statement": each.statement,
                "tried": each.place,
                "found": each.found,
                "interval": each.interval,
                "verdict": each.verdict,
            }
            for each in verdicts
        ]
    )
    return write_table(frame, 2, caption, stem)
