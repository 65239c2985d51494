"""Images that walk beside two networks: the same tensors as a forward pass from the start."""

from __future__ import annotations

import copy
from itertools import chain

import numpy as np
import pytest
import torch
from torch import fx

from tests import networks
from tropnnc import Reduction, Unit
from tropnnc.calibration import NetworkCalibration, View
from tropnnc.graph import discover
from tropnnc.graph.structure import narrowed
from tropnnc.reduction import select
from tropnnc.stepwise import StepCalibration, Walk
from tropnnc.stepwise import walk as module
from tropnnc.surgery import read_unit, write_columns, write_rows
from tropnnc.unit import Point

POINTS = (
    Point("unit_input", "dense"),
    Point("unit_input"),
    Point("unit_output", "dense"),
    Point("unit_output"),
    Point("consumer_input", "dense"),
    Point("consumer_input"),
    Point("consumer_output", "dense"),
    Point("consumer_output"),
)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 1)  # four images


def _every_other(unit: Unit) -> Reduction:
    return select(unit, np.arange(unit.neurons)[::2], np.full((unit.neurons + 1) // 2, 1.5))


@pytest.mark.parametrize("name", list(networks.ZOO))
def test_a_walk_shows_what_forward_passes_show(name: str) -> None:
    """Units are cut as the walk goes on; ReLUs work in place, tensors are shared."""
    dense, images = networks.build(name), networks.images(name, 6)
    small, before = copy.deepcopy(dense), images.clone()
    sites = first = discover(dense, images).sites
    walk = Walk(dense, small, images)
    for old in first:
        site = next(site for site in sites if site.producer == old.producer)
        walk.advance(site.producer)
        own = StepCalibration(walk, old, site)
        expected = NetworkCalibration(View(dense, old), View(small, site), images, 4)
        unit = read_unit(small, site)
        for index in range(len(unit.consumers)):
            points = [Point(p.role, p.network, index) for p in POINTS]
            # One by one: a pass that goes on may overwrite in place what it showed.
            wanted = [[batch[0] for batch in expected.stream(point)] for point in points]
            shown = zip(*own.stream(*points), strict=True)
            for one, other in zip(shown, wanted, strict=True):
                assert all(map(torch.equal, one, other))
        reduction = _every_other(unit)
        trial = own.rewritten(unit, reduction)
        ahead = [list(trial.stream(Point("consumer_output", consumer=i))) for i in (0, -1)]
        write_rows(small, site, unit, reduction)
        write_columns(small, site, reduction)
        sites = narrowed(sites, site, reduction.width)
        done = next(site for site in sites if site.producer == old.producer)
        after = NetworkCalibration(View(dense, old), View(small, done), images, 4)
        now = [list(after.stream(Point("consumer_output", consumer=i))) for i in (0, -1)]
        for one, other in zip(chain(*ahead), chain(*now), strict=True):
            assert torch.equal(one[0], other[0])
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", list(networks.ZOO))
def test_a_walk_keeps_what_is_read_later_and_nothing_else(name: str) -> None:
    """The memory bound: what is alive at the unit's boundary, of all images, in both networks."""
    dense, images = networks.build(name), networks.images(name, 6)
    walk = Walk(dense, copy.deepcopy(dense), images)
    steps = list(fx.symbolic_trace(dense).graph.nodes)
    for site in discover(dense, images).sites:
        walk.advance(site.producer)
        at = next(i for i, step in enumerate(steps) if step.target == site.producer)
        alive = {s.name for s in steps[:at] if any(user in steps[at:] for user in s.users)}
        for both in walk._values:
            assert [{node.name for node in values} for values in both.values()] == [alive] * 2
