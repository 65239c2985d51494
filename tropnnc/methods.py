"""Methods by name: the entry-point group ``tropnnc.methods``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tropnnc.errors import TropnncError
from tropnnc.option_kinds import check_kinds
from tropnnc.protocols import Reducer

GROUP = "tropnnc.methods"


@cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of ``group`` by name."""
    return {entry.name: entry for entry in entry_points(group=group)}


def method_names() -> list[str]:
    """Names of every installed method, sorted."""
    return sorted(installed(GROUP))


def make_method(name: str, **options: Any) -> Reducer:
    """The method ``name`` with ``options``.

    Raises:
        TropnncError: unknown name or option, with those that are accepted.
    """
    entries = installed(GROUP)
    if name not in entries:
        raise TropnncError(f"unknown method {name!r}; accepted are {', '.join(sorted(entries))}")
    return call_factory(f"method {name}", entries[name].load(), options)


def call_factory(what: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """``factory(**options)``.

    Raises:
        TropnncError: an option that it does not take, or of another kind than it declares.
    """
    accepted = list(inspect.signature(factory).parameters)
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        known = ", ".join(accepted) or "none"
        raise TropnncError(f"unknown option {unknown[0]!r} of {what}; accepted are {known}")
    check_kinds(what, factory, options)
    return factory(**options)


def resolve_method(method: str | Reducer) -> Reducer:
    """A method given by name or as a :class:`Reducer`."""
    if isinstance(method, str):
        return make_method(method)
    if not isinstance(method, Reducer):
        raise TropnncError(f"method is a name or a Reducer, not {type(method).__name__}")
    return method
