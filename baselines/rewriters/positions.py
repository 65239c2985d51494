"""What it costs to say which entries of a matrix are stored (relatives.md B.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from baselines.rewriters.protocol import WORD


def entry_bits(rows: int, columns: int, entries: int) -> int:
    """A flat position of ``⌈log2 mn⌉`` bits each."""
    return entries * (rows * columns - 1).bit_length()


def csr_bits(rows: int, columns: int, entries: int) -> int:
    """A column of ``⌈log2 n⌉`` bits each and ``m + 1`` pointers of ``⌈log2(k + 1)⌉``."""
    return entries * (columns - 1).bit_length() + (rows + 1) * entries.bit_length()


def bitmap_bits(rows: int, columns: int, entries: int) -> int:
    """A bit for every entry, stored or not; none where there is nothing or everything to say."""
    return rows * columns if 0 < entries < rows * columns else 0


POSITIONS: Mapping[str, Callable[[int, int, int], int]] = {
    "entry": entry_bits,
    "csr": csr_bits,
    "bitmap": bitmap_bits,
}


def affordable(bits: int, rows: int, columns: int, form: str) -> int:
    """The most entries that fit, with their positions, in ``bits``.

    The bits of ``k`` entries grow with ``k`` but for the last, so it is found by bisection.
    """
    total = rows * columns
    if bits >= WORD * total + POSITIONS[form](rows, columns, total):
        return total
    low, high = 0, min(max(bits, 0) // WORD, total - 1)
    while low < high:
        middle = (low + high + 1) // 2
        fits = WORD * middle + POSITIONS[form](rows, columns, middle) <= bits
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def cheapest(bits: int, rows: int, columns: int) -> str:
    """The form of which the most entries fit in ``bits``."""
    return max(POSITIONS, key=lambda form: affordable(bits, rows, columns, form))
