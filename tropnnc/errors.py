"""The one error that bad input raises."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Integral
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class TropnncError(ValueError):
    """Bad input: one line that says what was wrong and what is accepted."""


class UnsupportedUnit(TropnncError):
    """A method cannot rewrite a unit of this shape: one line that names the unit."""


def check_choice(option: str, value: object, accepted: tuple[str, ...]) -> None:
    """Raise :class:`TropnncError` unless ``value`` is one of ``accepted``."""
    if value not in accepted:
        raise TropnncError(f"unknown {option} {value!r}; accepted are {', '.join(accepted)}")


def check_positive(option: str, value: float) -> None:
    """Raise :class:`TropnncError` unless ``value`` is above 0."""
    if not value > 0:
        raise TropnncError(f"{option} = {value} is out of range, accepted are numbers above 0")


def check_whole(option: str, value: object) -> None:
    """Raise :class:`TropnncError` unless ``value`` is a whole number."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TropnncError(f"{option} = {value!r}; accepted are whole numbers")


def check_flag(option: str, value: object) -> None:
    """Raise :class:`TropnncError` unless ``value`` is a truth value."""
    if not isinstance(value, bool):
        raise TropnncError(f"{option} = {value!r}; accepted are true and false")


def check_at_least_one(option: str, value: int) -> None:
    """Raise :class:`TropnncError` unless ``value`` is a whole number, 1 or more."""
    check_whole(option, value)
    if value < 1:
        raise TropnncError(f"{option} = {value} is out of range, accepted are 1 and more")


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise :class:`TropnncError` for the first of the named tensors with NaN or infinities."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not _is_finite(tensor):
            raise TropnncError(f"{name} has NaN or infinite entries")


def _is_finite(tensor: Tensor) -> bool:
    """Whether all entries are: if their sum is, which is cheaper to find out, but can overflow."""
    return isfinite(tensor.sum()) or bool(tensor.isfinite().all())
