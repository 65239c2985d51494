"""Blocks as text for a terminal, as Markdown, as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from experiments.report.tables import Block, notes

_LATEX = {"%": r"\%", "_": r"\_", "±": r"$\pm$", "–": "--", "†": r"$^\dagger$", "×": r"$\times$"}


def to_text(blocks: Sequence[Block]) -> str:
    """For a terminal: aligned columns, the best of each tier marked with ``*``."""
    parts = [f"{block.title}\n{_grid(block, '*{}', 'simple')}\n" for block in blocks]
    return "\n".join([*parts, *(note.replace("Bold", "*") for note in notes(blocks))])


def to_markdown(blocks: Sequence[Block]) -> str:
    """GitHub tables, each under its title."""
    parts = [f"**{block.title}**\n\n{_grid(block, '**{}**', 'github')}\n" for block in blocks]
    return "\n".join([*parts, *notes(blocks)]) + "\n"


def to_latex(blocks: Sequence[Block]) -> str:
    """One booktabs table per block."""
    return "\n".join(_latex_table(block) for block in blocks)


def _frame(block: Block, bold: str) -> pd.DataFrame:
    texts = [
        [line.method, line.needs, *_cells(line.cells, line.best, bold)] for line in block.lines
    ]
    return pd.DataFrame(texts, columns=["method", "needs", *block.headings])


def _cells(cells: Sequence[str], best: Sequence[bool], bold: str) -> list[str]:
    return [bold.format(cell) if mark else cell for cell, mark in zip(cells, best, strict=True)]


def _grid(block: Block, bold: str, layout: Literal["simple", "github"]) -> str:
    alignment = ("left", "left", *("right" for _ in block.headings))
    return str(
        _frame(block, bold).to_markdown(
            index=False, tablefmt=layout, disable_numparse=True, colalign=alignment
        )
    )


def to_latex_table(frame: pd.DataFrame, texts: int, caption: str) -> str:
    """A booktabs table whose first ``texts`` columns are text, the others numbers."""
    frame = frame.map(_escape).rename(columns=_escape)
    return frame.style.hide(axis="index").to_latex(
        column_format="l" * texts + "r" * (len(frame.columns) - texts),
        hrules=True,
        position="t",
        position_float="centering",
        caption=_escape(caption),
    )


def _latex_table(block: Block) -> str:
    caption = f"{block.title}. {' '.join(notes([block]))}"
    return to_latex_table(_frame(block, r"\textbf{{{}}}"), 2, caption)


def _escape(text: str) -> str:
    for character, command in _LATEX.items():
        text = text.replace(character, command)
    return text
