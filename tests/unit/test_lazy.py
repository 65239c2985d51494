"""Fields that are read at their first use."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import build, images
from tropnnc import compress
from tropnnc.graph import discover
from tropnnc.lazy import later, lazy, length, replace_unread
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, Tier


@lazy("rows")
@dataclass(frozen=True)
class Value:
    name: str
    rows: Array


def test_it_is_read_once_and_only_when_it_is_used() -> None:
    read = Mock(return_value=np.ones((3, 2)))
    value = Value("a", later(read, 3))
    other = replace_unread(value, name="b")
    assert (length(other, "rows"), other.name) == (3, "b")
    read.assert_not_called()
    assert value.rows is value.rows
    read.assert_called_once()
    assert replace(value, name="c").rows is value.rows
    for field in ("name", "rows"):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, np.zeros((1, 1)))


def test_an_array_is_what_it_was() -> None:
    rows = np.zeros((2, 5))
    assert Value("a", rows).rows is rows
    assert length(Value("a", rows), "rows") == 2


def test_a_unit_is_that_of_when_it_was_asked_for() -> None:
    """Surgery on the network, between asking for the unit and looking at it, goes unnoticed."""
    model, example = build("vgg"), images("vgg")
    sites = discover(model, example).sites
    early, late = (read_unit(model, sites[0]) for _ in range(2))
    early = early.seen_by(Tier.WEIGHTS)
    expected = early.incoming, early.filters, early.outgoing
    assert all(array.any() for array in expected)
    for layer in (sites[0].producer, sites[0].links[0].consumer):
        module = model.get_submodule(layer)
        assert isinstance(module, nn.Conv2d)
        module.weight = nn.Parameter(torch.zeros(1))
    for old, new in zip(expected, (late.incoming, late.filters, late.outgoing), strict=True):
        np.testing.assert_array_equal(old, new)


def test_scores_of_rows_read_no_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Mock(side_effect=AssertionError)
    monkeypatch.setattr("tropnnc.surgery.read.to_array", read)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 2))
    small, _ = compress(model, torch.rand(1, 4), "l1", 0.5)
    assert small(torch.rand(1, 4)).shape == (1, 2)
