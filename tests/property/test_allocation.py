"""Facts about widths: what they cost, and which of them a global cut picks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from baselines.cup import cup_heights
from tests.networks import ZOO, build, images
from tests.units import KINDS, make_unit, with_weights
from tropnnc import compress, make_allocator
from tropnnc.allocation.budget import Budget, spent
from tropnnc.allocation.cut import GlobalCut, Heights, clusters_at
from tropnnc.allocation.neural_path import normalised_heights, path_heights
from tropnnc.allocation.uniform import uniform_widths
from tropnnc.cost import count
from tropnnc.graph import Example, Site, discover
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, Unit
from tropnnc.vision import torchvision

seeds = st.integers(0, 2**32 - 1)
networks = st.sampled_from(list(ZOO))
budgets = st.sampled_from(["neurons", "parameters", "macs"])
ratios = st.floats(0.01, 1.0)
several = settings(max_examples=30, deadline=None)


@dataclass(frozen=True)
class Fixed:
    """An allocator that gives the widths it was told."""

    wanted: Mapping[str, int]

    version = 1

    def prepare(self, sites: Sequence[Site], read: object) -> None:
        """Nothing."""

    def widths(self, state: None, ratio: float) -> Mapping[str, int]:
        return self.wanted


class Tokens(nn.Sequential):
    """Linear layers on the last of three dimensions: each weight is used once per token."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 2))


@cache
def _sites(network: str) -> tuple[Site, ...]:
    return discover(build(network), images(network, 2)).sites


def _costs_agree(
    model: nn.Module, example: Example, sites: Sequence[Site], widths: Mapping[str, int]
) -> bool:
    """Whether ``spent`` changes by what is counted on the network compressed to ``widths``."""
    scope = [site.producer for site in sites]
    small, _ = compress(model, example, "l1", scope=scope, allocator=Fixed(widths))
    before, after = count(model, example), count(small, example)
    dense = uniform_widths(sites, 1.0)
    saved = [spent(sites, dense, b) - spent(sites, widths, b) for b in ("parameters", "macs")]
    return saved == [before.parameters - after.parameters, before.macs - after.macs]


@several
@given(networks, st.data())
def test_costs_are_those_counted_on_the_compressed_network(network: str, data: Any) -> None:
    sites = data.draw(st.lists(st.sampled_from(_sites(network)), min_size=1, unique=True))
    widths = {site.producer: data.draw(st.integers(1, site.neurons)) for site in sites}
    assert _costs_agree(build(network), images(network, 2), sites, widths)


def test_costs_where_a_linear_layer_is_applied_at_many_places() -> None:
    model, example = Tokens().eval(), torch.randn(2, 5, 6)
    sites = discover(model, example).sites
    assert _costs_agree(model, example, sites, {"0": 3, "2": 4})


def _random_heights(network: str, seed: int, coarse: bool) -> Heights:
    """Heights of every unit; ``coarse`` ones tie within and across units."""
    rng = np.random.default_rng(seed)
    heights = {s.producer: np.sort(rng.lognormal(size=s.neurons - 1)) for s in _sites(network)}
    if coarse:
        heights = {name: values.round(1) for name, values in heights.items()}
    return Heights(_sites(network), heights)


@several
@given(networks, seeds, st.booleans(), budgets, ratios)
def test_the_cut_is_the_lowest_that_is_within_the_budget(
    network: str, seed: int, coarse: bool, budget: Budget, ratio: float
) -> None:
    state = _random_heights(network, seed, coarse)
    widths = GlobalCut(path_heights, budget).widths(state, ratio)
    allowed = spent(state.sites, uniform_widths(state.sites, ratio), budget)
    everywhere = sorted({-1.0, *(h for values in state.of.values() for h in values)})
    cuts = [
        {name: 1 + sum(h > t for h in values) for name, values in state.of.items()}
        for t in everywhere
    ]
    affordable = [cut for cut in cuts if spent(state.sites, cut, budget) <= allowed]
    assert widths == affordable[0]
    assert all(1 <= widths[site.producer] <= site.neurons for site in state.sites)


@several
@given(networks, seeds, budgets, st.lists(ratios, min_size=2, max_size=6))
def test_a_larger_ratio_never_narrows_a_unit(
    network: str, seed: int, budget: Budget, some: list[float]
) -> None:
    state, allocator = _random_heights(network, seed, coarse=False), GlobalCut(path_heights, budget)
    widths = [allocator.widths(state, ratio) for ratio in sorted([*some, 1.0])]
    for narrow, wide in pairwise(widths):
        assert all(narrow[name] <= wide[name] for name in narrow)
    assert widths[-1] == {site.producer: site.neurons for site in state.sites}


@settings(max_examples=12, deadline=None)
@given(
    networks,
    st.integers(0, 9),
    st.sampled_from(["tropnnc", "cup"]),
    st.sampled_from(["parameters", "macs"]),
    st.floats(0.1, 0.9),
)
def test_the_compressed_network_costs_no_more_than_the_uniform_one(
    network: str, seed: int, name: str, budget: Budget, ratio: float
) -> None:
    model, example = build(network, seed), images(network, 2)
    allocator = make_allocator(name, budget=budget)
    _, uniform = compress(model, example, "l1", ratio)
    small, report = compress(model, example, "l1", ratio, allocator=allocator)
    counted = getattr(count(small, example), budget)
    assert counted == getattr(report.after, budget) <= getattr(uniform.after, budget)
    # Undoing the last merge would exceed it.
    state: Heights = allocator.prepare(_sites(network), lambda site: read_unit(model, site))
    made = [h for site in state.sites for h in _made(state.of[site.producer], report.widths, site)]
    if made:
        wider = Fixed(clusters_at(state, float(np.nextafter(max(made), -np.inf))))
        _, report = compress(model, example, "l1", ratio, allocator=wider)
        assert getattr(report.after, budget) > getattr(uniform.after, budget)


def _made(heights: Array, widths: Mapping[str, int], site: Site) -> list[float]:
    """Heights of the merges that lead to the unit's width."""
    return heights[: site.neurons - widths[site.producer]].tolist()


def _permuted(unit: Unit, rng: np.random.Generator) -> Unit:
    """The unit with neurons and inputs in another order."""
    rows = rng.permutation(unit.neurons)
    columns = rng.permutation(unit.filters.shape[1] // unit.kernel)
    entries = (columns[:, None] * unit.kernel + np.arange(unit.kernel)).ravel()
    return replace(
        unit,
        incoming=unit.incoming[rows][:, [*entries, unit.filters.shape[1]]],
        filters=unit.filters[rows][:, entries],
        consumers=tuple(replace(c, outgoing=c.outgoing[:, rows]) for c in unit.consumers),
        depthwise=tuple(
            replace(d, incoming=d.incoming[rows], filters=d.filters[rows]) for d in unit.depthwise
        ),
    )


@several
@given(networks, seeds, st.sampled_from(["tropnnc", "cup"]), budgets, ratios)
def test_the_order_of_neurons_does_not_matter(
    network: str, seed: int, name: str, budget: Budget, ratio: float
) -> None:
    model, rng = build(network), np.random.default_rng(seed)
    allocator = make_allocator(name, budget=budget)
    readers: list[Callable[[Site], Unit]] = [
        lambda site: read_unit(model, site),
        lambda site: _permuted(read_unit(model, site), rng),
    ]
    widths = [allocator.widths(allocator.prepare(_sites(network), read), ratio) for read in readers]
    assert widths[0] == widths[1]


def _scaled(unit: Unit, ingoing: float, outgoing: float) -> Unit:
    columns = tuple(c.outgoing * outgoing for c in unit.consumers)
    return with_weights(unit, unit.incoming * ingoing, columns)


@several
@given(st.sampled_from(KINDS), seeds, st.floats(1e-3, 1e3))
def test_heights_under_a_scale_of_the_whole_unit(kind: str, seed: int, scale: float) -> None:
    unit = make_unit(kind, np.random.default_rng(seed))
    both, moved = _scaled(unit, scale, scale), _scaled(unit, 2.0, 0.5)
    np.testing.assert_allclose(normalised_heights(both), normalised_heights(unit), rtol=1e-6)
    for heights in (path_heights, cup_heights):
        np.testing.assert_allclose(heights(both), scale * heights(unit), rtol=1e-6)
    # The same function, another answer: what is clustered is no invariant of it.
    for heights in (path_heights, normalised_heights, cup_heights):
        assert not np.allclose(heights(moved), heights(unit), rtol=1e-3)


@several
@given(seeds, st.floats(1e-3, 1e3), st.floats(0.2, 0.8))
def test_norm_looks_through_the_scale_of_a_unit(seed: int, scale: float, ratio: float) -> None:
    rng = np.random.default_rng(seed)
    units = {site.producer: make_unit("linear", rng, site.neurons) for site in _sites("mlp")}
    scaled = {**units, "1": _scaled(units["1"], scale, scale)}
    assert _widths_of("norm", scaled, ratio) == _widths_of("norm", units, ratio)
    # Without it the larger unit keeps all that the smaller one can spare: 11 of 21 are kept.
    larger = {**units, "1": _scaled(units["1"], 1e3, 1e3)}
    assert _widths_of("none", larger, 0.5) == {"1": 10, "3": 1}


def _widths_of(normalisation: str, units: Mapping[str, Unit], ratio: float) -> Mapping[str, int]:
    allocator = make_allocator("tropnnc", normalisation=normalisation)
    state = allocator.prepare(_sites("mlp"), lambda site: units[site.producer])
    return allocator.widths(state, ratio)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "googlenet", "squeezenet1_1"])
@pytest.mark.parametrize("budget", ["parameters", "macs"])
def test_classifiers_of_torchvision(name: str, budget: Budget) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        options = {"init_weights": True} if name == "googlenet" else {}
        model = torchvision().models.get_model(name, weights=None, num_classes=10, **options).eval()
    example: Tensor = torch.randn(1, 3, 64, 64)
    _, uniform = compress(model, example, "l1", 0.5, "conv")
    allocator = make_allocator("tropnnc", normalisation="norm", budget=budget)
    small, report = compress(model, example, "l1", 0.5, "conv", allocator=allocator)
    sites = [site for site in discover(model, example).sites if site.kind == "conv"]
    assert _costs_agree(model, example, sites, report.widths)
    share = getattr(count(small, example), budget) / getattr(uniform.after, budget)
    assert 0.98 < share <= 1
    assert report.widths != uniform.widths
