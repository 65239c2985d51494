"""Options of a factory are of the kind that it declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tropnnc.errors import TropnncError, check_choice, check_flag, check_whole


def check_kinds(what: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Raise :class:`TropnncError` for the first option that is not of its declared kind.

    Numbers, whole numbers, truth values, texts and choices are checked, and None where it is
    accepted; whatever else is declared is the factory's own to check.

    Args:
        what: the factory, for the message.
        factory: a function, or a class with annotated fields.
        options: what it is to be called with.
    """
    declared = _declared(factory)
    for name, value in options.items():
        try:
            _check(name, declared.get(name), value)
        except TropnncError as error:
            raise TropnncError(f"{what}: {error}") from error


def _declared(factory: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(factory)
    except (NameError, TypeError):  # imported for type checkers alone; a partial function
        return {}


def _check(option: str, kind: Any, value: Any) -> None:
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        if len(kinds) < len(get_args(kind)) and value is None:
            return
        if len(kinds) > 1:
            return
        kind = kinds[0]
    if get_origin(kind) is Literal:
        check_choice(option, value, get_args(kind))
    elif kind in _CHECKS:
        _CHECKS[kind](option, value)


def _check_number(option: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TropnncError(f"{option} = {value!r}; accepted are numbers")


def _check_text(option: str, value: object) -> None:
    if not isinstance(value, str):
        raise TropnncError(f"{option} = {value!r}; accepted is a name")


_CHECKS: dict[Any, Callable[[str, object], None]] = {
    float: _check_number,
    int: check_whole,
    bool: check_flag,
    str: _check_text,
}
