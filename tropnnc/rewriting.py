"""Run a method over the units of a network and write what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scipy.sparse import csr_array
from torch import Tensor, nn
from tqdm import tqdm

from tropnnc.calibration import NetworkCalibration, View
from tropnnc.errors import TropnncError
from tropnnc.graph.structure import Site, narrowed
from tropnnc.protocols import Reducer
from tropnnc.reduction import Reduction
from tropnnc.seeding import derive_rng
from tropnnc.surgery import read_unit, write_columns, write_rows
from tropnnc.unit import Pixels, Unit


@dataclass(frozen=True)
class Rewriting:
    """One compression of the network ``small``, which it edits in place.

    Attributes:
        dense: the dense network; in evaluation mode where there are images.
        small: a copy of it in evaluation mode, whose parameters may be in the same memory.
        reducer: the method.
        widths: of every unit.
        seed: of everything random.
        pixels: input statistics.
        images: calibration images, for methods that need any.
        mixes: mixing matrices of the units written so far.
    """

    dense: nn.Module
    small: nn.Module
    reducer: Reducer
    widths: Mapping[str, int]
    seed: int
    pixels: Pixels
    images: Tensor | None
    mixes: dict[str, csr_array] = field(default_factory=dict)

    def original(self, sites: Sequence[Site]) -> None:
        """Every unit read from the dense network: first all rows, then all columns."""
        reductions: dict[str, Reduction] = {}
        for site in self._with_progress(sites):
            reduction = self._write_rows(self.dense, site, site)
            if reduction.outgoing is not None:
                raise TropnncError(
                    f"{site.producer}: a fit of every tap works in sequential order only"
                )
            reductions[site.producer] = reduction
        for name, reduction in reductions.items():
            sites = self._write_columns(sites, name, reduction)

    def sequential(self, sites: Sequence[Site]) -> None:
        """Every unit read from the network as compressed so far."""
        for before in self._with_progress(sites):
            site = _named(sites, before.producer)
            reduction = self._write_rows(self.small, site, before)
            sites = self._write_columns(sites, site.producer, reduction)

    def _with_progress(self, sites: Sequence[Site]) -> tqdm[Site]:
        """The units that lose neurons."""
        todo = [site for site in sites if self.widths[site.producer] < site.neurons]
        return tqdm(todo, desc="compress", unit="unit", delay=2, leave=False, disable=None)

    def _write_rows(self, model: nn.Module, site: Site, before: Site) -> Reduction:
        """Reduce the unit as ``model`` has it; of what was read nothing outlives the call."""
        unit = self._read(model, site, before)
        reduction = self._reduce(unit)
        write_rows(self.small, site, unit, reduction)
        return reduction

    def _read(self, model: nn.Module, site: Site, before: Site) -> Unit:
        """The unit at ``site`` in ``model``, ``before`` in the dense network."""
        if self.images is None:
            return read_unit(model, site, self.pixels)
        images = self.images.to(next(self.small.parameters()).device)
        calibration = NetworkCalibration(View(self.dense, before), View(model, site), images)
        return read_unit(model, site, self.pixels, calibration)

    def _reduce(self, unit: Unit) -> Reduction:
        rng = derive_rng(self.seed, "reduce", unit.name)
        state = self.reducer.prepare(unit.seen_by(self.reducer.needs), rng)
        reduction = self.reducer.reduce(state, self.widths[unit.name])
        reduction.check(unit, self.widths[unit.name])
        return reduction

    def _write_columns(
        self, sites: Sequence[Site], name: str, reduction: Reduction
    ) -> Sequence[Site]:
        site = _named(sites, name)
        write_columns(self.small, site, reduction)
        mix = reduction.sparse_mix
        if mix is not None:
            self.mixes[name] = mix
        return narrowed(sites, site, reduction.width)


def _named(sites: Sequence[Site], name: str) -> Site:
    return next(site for site in sites if site.producer == name)
