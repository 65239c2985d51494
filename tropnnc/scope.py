"""Which units a compression is about."""

from __future__ import annotations

from collections.abc import Sequence

from tropnnc.errors import TropnncError, check_choice
from tropnnc.graph import Site, Structure

Scope = str | Sequence[str]


def sites_in(structure: Structure, scope: Scope) -> list[Site]:
    """The units that ``scope`` names, in topological order.

    Args:
        structure: of the network.
        scope: ``all``, ``linear`` or ``conv`` (kind of the producer), or module names.

    Raises:
        TropnncError: an unknown scope or name, or no unit at all, with the reasons.
    """
    if isinstance(scope, str):
        check_choice("scope", scope, ("all", "linear", "conv", "a list of unit names"))
        sites = [site for site in structure.sites if scope in ("all", site.kind)]
    else:
        _check_names(structure, scope)
        sites = [site for site in structure.sites if site.producer in scope]
    if not sites:
        reasons = "; ".join(f"{item.name}: {item.reason}" for item in structure.left_alone[:5])
        raise TropnncError(f"no unit in scope {scope!r} ({reasons or 'no linear or conv layer'})")
    return sites


def _check_names(structure: Structure, names: Sequence[str]) -> None:
    units = {site.producer for site in structure.sites}
    reasons = {item.name: item.reason for item in structure.left_alone}
    for name in names:
        if name in reasons:
            raise TropnncError(f"scope names {name}, which is left alone: {reasons[name]}")
        if name not in units:
            raise TropnncError(f"scope names {name!r}; units are {', '.join(sorted(units))}")
