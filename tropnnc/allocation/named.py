"""Allocators by name: the entry-point group ``tropnnc.allocators``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tropnnc.errors import check_choice
from tropnnc.methods import call_factory, installed
from tropnnc.protocols import Allocator

GROUP = "tropnnc.allocators"


def allocator_names() -> list[str]:
    """Names of every installed allocator, sorted."""
    return sorted(installed(GROUP))


def make_allocator(name: str, **options: Any) -> Allocator:
    """The allocator ``name`` with ``options``.

    Raises:
        TropnncError: unknown name, option or value, with those that are accepted.
    """
    check_choice("allocator", name, tuple(allocator_names()))
    return call_factory(f"allocator {name}", installed(GROUP)[name].load(), options)


def stated_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The ``options`` that differ from the defaults of the allocator ``name``.

    Two spellings of the same allocator are one.

    Raises:
        TropnncError: as :func:`make_allocator`.
    """
    make_allocator(name, **options)
    parameters = inspect.signature(installed(GROUP)[name].load()).parameters
    return {key: value for key, value in options.items() if value != parameters[key].default}
