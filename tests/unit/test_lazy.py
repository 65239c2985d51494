"""Fields that are read at their first use."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace
from itertools import product
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn

from baselines.norm import Norm
from tests.networks import build, images
from tropnnc import compress, products
from tropnnc.graph import discover
from tropnnc.lazy import later, lazy, replace_unread, unread
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, Tier


@lazy("rows")
@dataclass(frozen=True)
class Value:
    name: str
    rows: Array


def test_it_is_read_once_and_only_when_it_is_used() -> None:
    read = Mock(return_value=np.ones((3, 2)))
    value = Value("a", later(read, (3, 2)))
    other = replace_unread(value, name="b")
    assert (unread(other, "rows").shape, other.name) == ((3, 2), "b")
    read.assert_not_called()
    assert value.rows is value.rows
    read.assert_called_once_with(slice(None))
    assert replace(value, name="c").rows is value.rows
    for field in ("name", "rows"):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, np.zeros((1, 1)))


def test_an_array_is_what_it_was() -> None:
    rows = np.zeros((2, 5))
    assert Value("a", rows).rows is rows
    assert unread(Value("a", rows), "rows") is rows


def test_some_rows_are_read_and_not_kept() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    read = Mock(side_effect=rows.__getitem__)
    value = Value("a", later(read, (3, 2)))
    for _ in range(2):
        np.testing.assert_array_equal(unread(value, "rows")[1:], rows[1:])
    np.testing.assert_array_equal(value.rows, rows)
    assert [call.args for call in read.call_args_list] == [(slice(1, None),)] * 2 + [(slice(None),)]


@pytest.mark.parametrize("network", ["vgg", "resnet", "mlp", "lenet5"])
def test_some_rows_of_a_unit_are_those_of_the_whole(network: str) -> None:
    model = build(network)
    site = discover(model, images(network)).sites[0]
    part = slice(1, 3)
    for field in ("incoming", "filters"):
        unit = read_unit(model, site)
        some, shape = unread(unit, field)[part], unread(unit, field).shape
        whole = getattr(unit, field)
        assert shape == whole.shape
        np.testing.assert_array_equal(some, whole[part])
    for consumer in read_unit(model, site).consumers:
        some, shape = unread(consumer, "outgoing")[part], unread(consumer, "outgoing").shape
        assert shape == consumer.outgoing.shape
        np.testing.assert_array_equal(some, consumer.outgoing[part])


@pytest.mark.parametrize(
    ("p", "bias", "folded"), list(product([1, 2], [True, False], [True, False]))
)
def test_norms_do_not_depend_on_how_many_rows_are_read(
    p: int, bias: bool, folded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, example = build("vgg"), images("vgg")
    unit = read_unit(model, discover(model, example).sites[1])
    rows = unit.incoming if folded else np.column_stack([unit.filters, unit.filter_bias])
    expected = np.linalg.norm(rows if bias else rows[:, :-1], p, axis=1)
    for entries in (1, 200, 1 << 20):
        monkeypatch.setattr(products, "_ENTRIES", entries)
        for seen in (unit, read_unit(model, discover(model, example).sites[1])):
            scores = Norm(p, bias, folded).prepare(seen, np.random.default_rng(0))[1]
            np.testing.assert_array_equal(scores, expected)


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
