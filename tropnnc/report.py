"""What was compressed, to what width, and what was left alone and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.sparse import csr_array
from torch import nn

from tropnnc.cost import Cost, cost_of
from tropnnc.graph import LeftAlone, Site, Structure

_HEADER = ("unit", "kind", "neurons", "parameters", "MACs")


@dataclass(frozen=True)
class UnitRow:
    """One unit before and after; parameters and MACs are those of its producer layer.

    MACs are per sample.
    """

    name: str
    kind: str
    neurons: int
    kept: int
    parameters: int
    kept_parameters: int
    macs: int
    kept_macs: int


@dataclass(frozen=True)
class Report:
    """The outcome of :func:`tropnnc.compress`, or of :func:`tropnnc.inspect` (nothing changed).

    ``str(report)`` is a table. ``mixes`` are the mixing matrices ``T [n, k]`` of the units that
    were rewritten by one, for :func:`tropnnc.certify`; no table shows them.
    """

    units: tuple[UnitRow, ...]
    left_alone: tuple[LeftAlone, ...]
    before: Cost
    after: Cost
    settings: Mapping[str, Any]
    mixes: Mapping[str, csr_array] = field(default_factory=dict, repr=False, compare=False)

    @property
    def widths(self) -> dict[str, int]:
        """Width of every unit."""
        return {row.name: row.kept for row in self.units}

    def __str__(self) -> str:
        rows = [_HEADER, *(_cells(row) for row in self.units), self._total()]
        lines = aligned(rows)
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        if settings:
            lines.insert(0, settings)
        if self.left_alone:
            lines += ["", "left alone:"]
            lines += aligned([(item.name, item.kind, item.reason) for item in self.left_alone])
        return "\n".join(lines)

    def _total(self) -> tuple[str, ...]:
        return (
            "network",
            "",
            "",
            _change(self.before.parameters, self.after.parameters),
            _change(self.before.macs, self.after.macs),
        )


def make_report(
    model: nn.Module,
    small: nn.Module,
    structure: Structure,
    sites: Sequence[Site],
    settings: Mapping[str, Any],
    mixes: Mapping[str, csr_array],
) -> Report:
    """Compare ``small`` with ``model`` unit by unit and as a whole."""
    macs = structure.macs
    kept_macs = macs if small is model else _narrowed(macs, sites, model, small)
    rows = [_row(site, model, small, macs, kept_macs) for site in sites]
    before, after = cost_of(model, macs[""]), cost_of(small, kept_macs[""])
    return Report(tuple(rows), structure.left_alone, before, after, settings, mixes)


def _narrowed(
    macs: Mapping[str, int], sites: Sequence[Site], model: nn.Module, small: nn.Module
) -> Mapping[str, int]:
    """Of ``small`` and of its layers that were rewritten, from those of ``model``.

    Each weight of a layer is used at as many places as before.
    """
    touched = {site.producer for site in sites} | {p.name for s in sites for p in s.depthwise}
    kept = {"": macs[""]}
    for name in touched | {link.consumer for site in sites for link in site.links}:
        before, after = (m.get_submodule(name).get_parameter("weight") for m in (model, small))
        kept[name] = macs[name] // before.numel() * after.numel()
        kept[""] += kept[name] - macs[name]
    return kept


def _row(
    site: Site,
    model: nn.Module,
    small: nn.Module,
    macs: Mapping[str, int],
    kept_macs: Mapping[str, int],
) -> UnitRow:
    name = site.producer
    before, after = model.get_submodule(name), small.get_submodule(name)
    return UnitRow(
        name=name,
        kind=site.kind,
        neurons=site.neurons,
        kept=after.get_parameter("weight").shape[0],
        parameters=sum(p.numel() for p in before.parameters()),
        kept_parameters=sum(p.numel() for p in after.parameters()),
        macs=macs[name],
        kept_macs=kept_macs[name],
    )


def _cells(row: UnitRow) -> tuple[str, ...]:
    return (
        row.name,
        row.kind,
        _change(row.neurons, row.kept),
        _change(row.parameters, row.kept_parameters),
        _change(row.macs, row.kept_macs),
    )


def _change(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows as lines of equally wide columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
