"""Arrays read at their first use: a layer can take a gigabyte, and a method look at part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Array = NDArray[np.float64]


class Rows(Protocol):
    """An array, or one that was not read: it reads the rows that are asked for, and keeps none."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        ...

    def __getitem__(self, part: slice, /) -> Array:
        """Some rows."""
        ...


@dataclass(frozen=True)
class _Later:
    read: Callable[[slice], Array]
    shape: tuple[int, ...]

    def __getitem__(self, part: slice) -> Array:
        return self.read(part)


def later(read: Callable[[slice], Array], shape: tuple[int, ...]) -> Array:
    """For a field that is :func:`lazy`: an array read when the field is first used.

    Args:
        read: gives some of the array's rows; all of them are asked for once, as ``slice(None)``.
        shape: of all of them.
    """
    return cast(Array, _Later(read, shape))


def unread(value: object, field: str) -> Rows:
    """The array in a :func:`lazy` field, which is not read as a whole for it."""
    return vars(value)[field]


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
            value = vars(instance)[self.name] = value[:]
        return value

    def __set__(self, instance: object, value: Array | _Later) -> None:
        vars(instance)[self.name] = value
