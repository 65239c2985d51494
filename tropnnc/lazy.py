"""Arrays read at their first use: a layer can take a gigabyte, and a method look at part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Later:
    read: Callable[[], Array]
    rows: int

    def __len__(self) -> int:
        return self.rows


def later(read: Callable[[], Array], rows: int) -> Array:
    """For a field that is :func:`lazy`: ``read()``, called once, when the field is first used.

    Args:
        read: gives the array ``[rows, …]``.
        rows: how long it will be.
    """
    return cast(Array, _Later(read, rows))


def length(value: object, field: str) -> int:
    """Rows of the array in a :func:`lazy` field, which is not read for it."""
    return len(vars(value)[field])


def lazy(*fields: str) -> Callable[[type[T]], type[T]]:
    """Of a dataclass: ``fields`` may be given as :func:`later`."""

    def installed(cls: type[T]) -> type[T]:
        for field in fields:
            setattr(cls, field, _Field(field))
        return cls

    return installed


def replace_unread(value: T, **changes: Any) -> T:
    """``dataclasses.replace`` that reads nothing."""
    return type(value)(**{**vars(value), **changes})


@dataclass(frozen=True)
class _Field:
    """The descriptor of one field."""

    name: str

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        value = vars(instance)[self.name]
        if isinstance(value, _Later):
            value = vars(instance)[self.name] = value.read()
        return value

    def __set__(self, instance: object, value: Array | _Later) -> None:
        vars(instance)[self.name] = value
