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
from tropnnc.lineage import Lineage, lineage_of
from tropnnc.protocols import (
    Networks,
    Order,
    Reducer,
    Repeating,
    WholeNetwork,
    fits_units,
    passes_of,
)
from tropnnc.reduction import Reduction
from tropnnc.seeding import derive_rng
from tropnnc.stepwise import StepCalibration, Walk
from tropnnc.surgery import read_unit, write_columns, write_rows
from tropnnc.unit import Calibration, Pixels, Tier, Unit


@dataclass(frozen=True)
class Rewriting:
    """One compression of the network ``small``, which it edits in place.

    Attributes:
        dense: the dense network; in evaluation mode where there are images.
        small: a copy of it in evaluation mode, whose parameters may be in the same memory.
        reducer: the method.
        widths: of every unit that may lose neurons.
        seed: of everything random.
        pixels: input statistics.
        images: calibration images, for methods that need any.
        tier: of the images.
        mixes: mixing matrices of the units written so far.
        fitted: layers whose weights, and batch norms whose statistics, are a fit.
        lineages: what became of the channels of batch norms in the units written so far.
        left: what became of those of the units' producers.
    """

    dense: nn.Module
    small: nn.Module
    reducer: Reducer
    widths: Mapping[str, int]
    seed: int
    pixels: Pixels
    images: Tensor | None
    tier: Tier = Tier.IMAGES
    mixes: dict[str, csr_array] = field(default_factory=dict)
    fitted: set[str] = field(default_factory=set)
    lineages: dict[str, Lineage | None] = field(default_factory=dict)
    left: dict[str, Lineage | None] = field(default_factory=dict)

    def run(self, order: Order, sites: Sequence[Site]) -> None:
        """Rewrite the units of ``sites`` that have a width, then let the method finish."""
        rewrite = self._original if order == "original" else self._sequential
        narrow = rewrite(sites)
        for _ in range(1, passes_of(self.reducer)):
            self._repeat(sites, narrow)
        if isinstance(self.reducer, WholeNetwork):
            fitted = frozenset(self.fitted)
            networks = Networks(self.dense, self.small, self._images, fitted, self.lineages)
            self.reducer.finish(networks)

    def _original(self, sites: Sequence[Site]) -> Sequence[Site]:
        """Every unit read from the dense network: first all rows, then all columns."""
        reductions: dict[str, Reduction] = {}
        for site in self._with_progress(sites):
            view = View(self.dense, site)
            calibration = self._calibration(view, view)
            reduction = self._write_rows(self.dense, site, sites, calibration)
            _check_composable(site.producer, reduction)
            reductions[site.producer] = reduction
        for name, reduction in reductions.items():
            sites = self._write_columns(sites, name, reduction)
        return sites

    def _sequential(self, sites: Sequence[Site]) -> Sequence[Site]:
        """Every unit read from the network as compressed so far."""
        walk = self._walk()
        for before in self._with_progress(sites):
            site = _named(sites, before.producer)
            if walk is None:
                views = View(self.dense, before), View(self.small, site)
                calibration: Calibration | None = self._calibration(*views)
            else:
                walk.advance(site.producer)
                calibration = StepCalibration(walk, before, site)
            reduction = self._write_rows(self.small, site, sites, calibration)
            sites = self._write_columns(sites, site.producer, reduction)
        return sites

    def _repeat(self, sites: Sequence[Site], narrow: Sequence[Site]) -> None:
        """Fit every unit of ``sites`` again, at the width that it has in ``narrow``."""
        walk, reducer = self._walk(), self.reducer
        assert walk is not None
        assert isinstance(reducer, Repeating)
        for before in self._with_progress(sites):
            site = _named(narrow, before.producer)
            walk.advance(site.producer)
            calibration = StepCalibration(walk, before, site, lineages=self.left)
            unit = self._read(self.small, site, narrow, calibration)
            reduction = reducer.again(unit.seen_by(reducer.needs))
            reduction.check(unit, site.neurons)
            write_rows(self.small, site, unit, reduction)
            write_columns(self.small, site, reduction)
            self._note_fit(site, reduction)

    def _with_progress(self, sites: Sequence[Site]) -> tqdm[Site]:
        """The units that lose neurons, or all in scope where they are fitted as well."""
        todo = [site for site in sites if site.producer in self.widths]
        if not fits_units(self.reducer):
            todo = [site for site in todo if self.widths[site.producer] < site.neurons]
        return tqdm(todo, desc="compress", unit="unit", delay=2, leave=False, disable=None)

    def _walk(self) -> Walk | None:
        """Through the images, where units are fitted."""
        images = self._images if fits_units(self.reducer) else None
        return None if images is None else Walk(self.dense, self.small, images)

    @property
    def _images(self) -> Tensor | None:
        """On the network's device."""
        if self.images is None:
            return None
        return self.images.to(next(self.small.parameters()).device)

    def _calibration(self, dense: View, current: View) -> Calibration | None:
        images = self._images
        return None if images is None else NetworkCalibration(dense, current, images)

    def _write_rows(
        self, model: nn.Module, site: Site, sites: Sequence[Site], calibration: Calibration | None
    ) -> Reduction:
        """Reduce the unit as ``model`` has it; of what was read nothing outlives the call."""
        unit = self._read(model, site, sites, calibration)
        reduction = self._reduce(unit)
        write_rows(self.small, site, unit, reduction)
        self._note(site, unit, reduction)
        return reduction

    def _read(
        self, model: nn.Module, site: Site, sites: Sequence[Site], calibration: Calibration | None
    ) -> Unit:
        is_fitted = site.producer in self.fitted
        return read_unit(model, site, self.pixels, calibration, sites, self.tier, is_fitted)

    def _note(self, site: Site, unit: Unit, reduction: Reduction) -> None:
        """Remember what a pass over the whole network has to know of the unit."""
        lineage = self.left[site.producer] = lineage_of(unit, reduction)
        if site.batch_norm is not None:
            self.lineages[site.batch_norm] = lineage
        for place in site.depthwise:
            if place.batch_norm is not None:
                kept = reduction.kept
                self.lineages[place.batch_norm] = None if kept is None else Lineage(kept)
        self._note_fit(site, reduction)

    def _note_fit(self, site: Site, reduction: Reduction) -> None:
        if site.batch_norm is not None and reduction.is_refitted:
            self.fitted.add(site.batch_norm)
        if reduction.outgoing is not None:
            names = [name for link in site.links for name in (link.consumer, link.batch_norm)]
            self.fitted.update(name for name in names if name is not None)

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


def _check_composable(name: str, reduction: Reduction) -> None:
    """Raise :class:`TropnncError` where neighbours reduced apart could not be put together."""
    if reduction.outgoing is not None:
        raise TropnncError(f"{name}: a fit of every tap works in sequential order only")
    if reduction.row_scale is not None or reduction.offset is not None:
        # They are meant for the consumer's outputs before some of those go.
        raise TropnncError(f"{name}: a repair or an offset works in sequential order only")


def _named(sites: Sequence[Site], name: str) -> Site:
    return next(site for site in sites if site.producer == name)
