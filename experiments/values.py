"""Values of a configuration, checked: the one line says what is accepted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from experiments.settings import Options
from tropnnc.errors import TropnncError


def listed(value: Any) -> list[Any]:
    """``value`` as a list; a single one is a list of one."""
    return value if isinstance(value, list) else [value]


def truth(name: str, value: object) -> bool:
    """``value``, true or false."""
    if not isinstance(value, bool):
        raise TropnncError(f"{name} = {value} is not accepted; true or false is")
    return value


def integer(name: str, value: object, low: int) -> int:
    """``value``, an integer from ``low`` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise TropnncError(f"{name} = {value} is not accepted; an integer from {low} on is")
    return value


def real(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
) -> float:
    """``value``, a number with ``low ≤ value ≤ high``, or above ``low`` where that is open."""
    number = float(value) if _is_number(value) else math.nan
    if not low <= number <= high or (open_low and number == low):
        bounds = f"{low:g} {'<' if open_low else '≤'} {name} ≤ {high:g}"
        raise TropnncError(f"{name} = {value} is not accepted; a number with {bounds} is")
    return number


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def folder(name: str, value: object) -> Path:
    """``value``, a path."""
    if not isinstance(value, str) or not value:
        raise TropnncError(f"{name} = {value} is not accepted; a path is")
    return Path(value)


def options(mapping: Mapping[str, Any]) -> Options:
    """Options by name, in an order that does not depend on who wrote them."""
    return tuple((key, _frozen(value)) for key, value in sorted(mapping.items()))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
