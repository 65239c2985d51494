"""Tensor networks, contracted pair by pair in the order of the fewest multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

Sizes = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Plan:
    """An order of contraction.

    Attributes:
        macs: multiply-adds it executes.
        steps: two operands and the indices of what they make, which is the next operand.
    """

    macs: int
    steps: tuple[tuple[int, int, str], ...]


def contract(operands: Sequence[str], output: str, tensors: Sequence[Tensor]) -> Tensor:
    """Sum of products over all indices but those of ``output``, like ``torch.einsum``.

    Args:
        operands: one letter per dimension of every tensor.
        output: letters of the result.
        tensors: as many as operands.
    """
    made, names = list(tensors), list(operands)
    for left, right, result in cheapest(tuple(operands), output, sizes(operands, tensors)).steps:
        made.append(
            torch.einsum(f"{names[left]},{names[right]}->{result}", made[left], made[right])
        )
        names.append(result)
    return torch.einsum(f"{names[-1]}->{output}", made[-1])


def sizes(operands: Sequence[str], tensors: Sequence[Tensor]) -> Sizes:
    """Length of every index, sorted by its letter."""
    lengths = {
        letter: length
        for name, tensor in zip(operands, tensors, strict=True)
        for letter, length in zip(name, tensor.shape, strict=True)
    }
    return tuple(sorted(lengths.items()))


@lru_cache(maxsize=4096)
def cheapest(operands: tuple[str, ...], output: str, lengths: Sizes) -> Plan:
    """The best of all pairwise orders, by dynamic programming over sets of operands."""
    length, everything = dict(lengths), (1 << len(operands)) - 1
    opened = [_open(operands, output, chosen) for chosen in range(everything + 1)]
    best: dict[int, tuple[int, int]] = {1 << k: (0, 0) for k in range(len(operands))}
    for chosen in range(1, everything + 1):
        if chosen not in best:
            best[chosen] = min(
                (best[left][0] + best[chosen ^ left][0] + cost, left)
                for left in _halves(chosen)
                for cost in [_product(opened[left] | opened[chosen ^ left], length)]
            )
    steps: list[tuple[int, int, str]] = []
    _unroll(everything, best, opened, len(operands), steps)
    return Plan(best[everything][0], tuple(steps))


def _open(operands: Sequence[str], output: str, chosen: int) -> frozenset[str]:
    """Indices of a set of operands that it shares with the rest; all of a single one."""
    inside = [name for k, name in enumerate(operands) if chosen >> k & 1]
    outside = {
        *output,
        *(c for k, name in enumerate(operands) if not chosen >> k & 1 for c in name),
    }
    letters = frozenset(c for name in inside for c in name)
    return letters if len(inside) == 1 else letters & outside


def _product(letters: frozenset[str], length: Mapping[str, int]) -> int:
    return prod(length[letter] for letter in letters)


def _halves(chosen: int) -> Iterator[int]:
    """One half of every split of a set in two, the half with its lowest element."""
    lowest, half = chosen & -chosen, (chosen - 1) & chosen
    while half:
        if half & lowest:
            yield half
        half = (half - 1) & chosen


def _unroll(
    chosen: int,
    best: Mapping[int, tuple[int, int]],
    opened: Sequence[frozenset[str]],
    operands: int,
    steps: list[tuple[int, int, str]],
) -> int:
    """Append the steps that make ``chosen``; its number among the operands."""
    left = best[chosen][1]
    if not left:
        return chosen.bit_length() - 1
    pair = [_unroll(half, best, opened, operands, steps) for half in (left, chosen ^ left)]
    steps.append((pair[0], pair[1], "".join(sorted(opened[chosen]))))
    return operands + len(steps) - 1
