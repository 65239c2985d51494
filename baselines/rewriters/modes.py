"""A weight's entries as a tensor of other modes, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import prod

from torch import Tensor

from tropnnc.errors import TropnncError, check_at_least_one


@cache
def factors(size: int, parts: int) -> tuple[int, ...]:
    """``size`` as a product of ``parts`` numbers, ascending, of the smallest sum.

    300 is (15, 20) and (5, 6, 10), 784 is (28, 28) and (7, 8, 14); a prime p is (1, p).

    Raises:
        TropnncError: either number is below 1.
    """
    check_at_least_one("size", size)
    check_at_least_one("parts", parts)
    return min(_ascending(size, parts, 1), key=lambda found: (sum(found), found[::-1]))


def _ascending(size: int, parts: int, least: int) -> list[tuple[int, ...]]:
    """All products of ``parts`` ascending factors, none below ``least``."""
    if parts == 1:
        return [(size,)]
    firsts = [f for f in range(least, size + 1) if size % f == 0 and f**parts <= size]
    return [(f, *rest) for f in firsts for rest in _ascending(size // f, parts - 1, f)]


def check_shapes(shapes: Mapping[int, Sequence[int]]) -> None:
    """Raise :class:`TropnncError` unless every number is the product of its factors."""
    for size, shape in shapes.items():
        if prod(shape) != size or min(shape, default=0) < 1:
            raise TropnncError(f"{' × '.join(map(str, shape)) or 'nothing'} is not {size}")


@dataclass(frozen=True)
class Arrangement:
    """Reshape a weight to ``fine``, permute by ``order``, fuse successive runs of ``groups``.

    Attributes:
        shape: the weight's.
        fine: its dimensions, each as its factors.
        order: permutation of ``fine``.
        groups: so many permuted dimensions make one mode each.
    """

    shape: tuple[int, ...]
    fine: tuple[int, ...]
    order: tuple[int, ...]
    groups: tuple[int, ...]

    @property
    def modes(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        ends = tuple(accumulate(self.groups))
        return tuple(
            prod(self._permuted()[end - run : end])
            for end, run in zip(ends, self.groups, strict=True)
        )

    def tensor(self, weight: Tensor) -> Tensor:
        """``weight``, of ``shape``, as a tensor of ``modes``."""
        return weight.reshape(self.fine).permute(self.order).reshape(self.modes)

    def weight(self, tensor: Tensor) -> Tensor:
        """The inverse of :meth:`tensor`."""
        inverse = sorted(range(len(self.order)), key=self.order.__getitem__)
        return tensor.reshape(self._permuted()).permute(inverse).reshape(self.shape)

    def _permuted(self) -> tuple[int, ...]:
        return tuple(self.fine[k] for k in self.order)


def split(rows: Sequence[int], columns: Sequence[int]) -> Arrangement:
    """A matrix ``∏ rows × ∏ columns`` as (o₁, …, o_p, i₁, …, i_q), relatives.md B.1."""
    fine = (*rows, *columns)
    return Arrangement((prod(rows), prod(columns)), fine, tuple(range(len(fine))), (1,) * len(fine))


def merged(rows: Sequence[int], columns: Sequence[int]) -> Arrangement:
    """A matrix as (m₁n₁, …, m_d n_d), the TT-matrix of papers, relatives.md B.1.

    Raises:
        TropnncError: not as many factors of rows as of columns.
    """
    _check_pairs(rows, columns)
    order = tuple(k for pair in _pairs(len(rows)) for k in pair)
    return Arrangement((prod(rows), prod(columns)), (*rows, *columns), order, (2,) * len(rows))


def chain(shape: Sequence[int]) -> Arrangement:
    """A kernel ``O × C × kh × kw`` as (C, kh, kw, O), relatives.md B.1 (a)."""
    return Arrangement(tuple(shape), tuple(shape), (1, 2, 3, 0), (1, 1, 1, 1))


def short_chain(shape: Sequence[int]) -> Arrangement:
    """A kernel ``O × C × kh × kw`` as (C, kh·kw, O), relatives.md B.1 (b)."""
    return Arrangement(tuple(shape), tuple(shape), (1, 2, 3, 0), (1, 2, 1))


def tensorised(shape: Sequence[int], rows: Sequence[int], columns: Sequence[int]) -> Arrangement:
    """A kernel as (kh·kw, c₁o₁, …, c_d o_d), relatives.md B.1 (c).

    Args:
        shape: ``O × C × kh × kw``.
        rows: factors o₁, … of O.
        columns: factors c₁, … of C.

    Raises:
        TropnncError: not as many factors of O as of C.
    """
    _check_pairs(rows, columns)
    count = len(rows)
    channels = (k for o, c in _pairs(count) for k in (c, o))
    return Arrangement(
        tuple(shape),
        (*rows, *columns, *shape[2:]),
        (2 * count, 2 * count + 1, *channels),
        (2,) * (count + 1),
    )


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(k, count + k) for k in range(count)]


def _check_pairs(rows: Sequence[int], columns: Sequence[int]) -> None:
    if len(rows) != len(columns):
        raise TropnncError(f"{len(rows)} factors of the rows need as many of the columns")
