"""The letters that a tensor network calls the dimensions of an arranged weight by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from string import ascii_lowercase, ascii_uppercase

from baselines.rewriters.contracted import BATCH
from baselines.rewriters.modes import Arrangement

BONDS = ascii_uppercase.replace(BATCH, "")  # letters of ranks


@dataclass(frozen=True)
class Mode:
    """One mode of a tensor.

    Attributes:
        letters: of the factors that are fused in it.
        sizes: of these factors.
    """

    letters: str
    sizes: tuple[int, ...]


def lettered(arrangement: Arrangement) -> tuple[Mode, ...]:
    """The modes, with letter k for factor k of the weight in its own order."""
    return tuple(
        Mode("".join(ascii_lowercase[k] for k in run), tuple(arrangement.fine[k] for k in run))
        for run in _runs(arrangement.order, arrangement.groups)
    )


def sides(arrangement: Arrangement) -> tuple[str, str]:
    """Letters of the output's factors, and of all others."""
    names = ascii_lowercase[: len(arrangement.fine)]
    rows, covered = 0, 1
    while rows == 0 or covered < arrangement.shape[0]:
        covered *= arrangement.fine[rows]
        rows += 1
    return names[:rows], names[rows:]


def _runs(order: Sequence[int], groups: Sequence[int]) -> Iterator[tuple[int, ...]]:
    remaining = iter(order)
    return (tuple(islice(remaining, group)) for group in groups)
