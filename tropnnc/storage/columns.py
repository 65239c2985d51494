"""Compressed sparse columns: which entries are not zero, as row indices and column starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError
from tropnnc.storage.form import Form, Words


@dataclass(frozen=True, eq=False)
class Columns:
    """A matrix in compressed sparse columns.

    Attributes:
        values: bit patterns other than 0, column by column, ``[q]`` (−0.0 is one of them).
        rows: their rows, ``[q]``.
        starts: where each column starts among them, and their number, ``[columns + 1]``.
    """

    values: Words
    rows: NDArray[np.integer]
    starts: NDArray[np.integer]

    def dense(self, form: Form) -> Words:
        """All entries, ``[entries]``.

        Raises:
            TropnncError: rows or starts that no matrix of this form has.
        """
        starts = self.starts.astype(np.int64)
        counts = np.diff(starts)
        if starts[0] or counts.min() < 0 or self.rows.max(initial=0) >= form.rows:
            raise TropnncError("damaged: rows or column starts outside the matrix")
        words = np.zeros(form.entries, form.word)
        words[np.repeat(np.arange(form.columns), counts) * form.rows + self.rows] = self.values
        return words


def columns_of(words: Words, form: Form) -> Columns:
    """Where ``words`` of ``form`` are not zero."""
    places = np.flatnonzero(words)
    columns, rows = np.divmod(places, form.rows)
    counts = np.bincount(columns, minlength=form.columns)
    return Columns(words[places], rows, np.concatenate([[0], np.cumsum(counts)]))
