"""CUP against a transcription of its description, loop by loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.cluster import AgglomerativeClustering
from torch import nn

from baselines.cup import Cup, cup_features, cup_heights
from tests.networks import build, images
from tests.units import KINDS, clusters_of, kept_of, make_unit, mix_of
from tropnnc import compress
from tropnnc.graph import discover
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, Unit
from tropnnc.ward import ward


def _unit(kind: str) -> Unit:
    """A unit whose folded rows have nothing in common with its raw filters."""
    unit = make_unit(kind, np.random.default_rng(0))
    other = np.random.default_rng(1).normal(size=unit.incoming.shape)
    return replace(unit, incoming=other, kernel=1 if kind == "linear" else 9)


def _transcribed(unit: Unit, channels: int) -> list[list[float]]:
    """``[‖W_l[i,c]‖_F for c | ‖W_{l+1}[o,i]‖_F for o]``; linear: the weights themselves."""
    rows = []
    for i in range(unit.neurons):
        if unit.kind == "linear":
            row = list(unit.filters[i]) + [c[0] for c in unit.consumers[0].outgoing[:, i]]
        else:
            width = len(unit.filters[i]) // channels
            slices = [unit.filters[i][c * width : (c + 1) * width] for c in range(channels)]
            slices += [w[i] for consumer in unit.consumers for w in consumer.outgoing]
            row = [sum(x * x for x in entries) ** 0.5 for entries in slices]
        rows.append(row)
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_features(kind: str) -> None:
    unit = _unit(kind)
    np.testing.assert_allclose(cup_features(unit), _transcribed(unit, channels=2))


@pytest.mark.parametrize("network", ["lenet5", "vgg", "resnet"])
def test_features_of_the_units_of_a_network(network: str) -> None:
    """The number of input channels as torch has it, batch norm left out."""
    model = build(network)
    for site in discover(model, images(network)).sites:
        unit = read_unit(model, site)
        producer = model.get_submodule(site.producer)
        channels = producer.in_channels if isinstance(producer, nn.Conv2d) else 0
        np.testing.assert_allclose(cup_features(unit), _transcribed(unit, channels), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4, 9, 10])
def test_the_largest_of_every_cluster_is_kept_and_nothing_compensates(kind: str, k: int) -> None:
    unit = _unit(kind)
    reduction = Cup().reduce(Cup().prepare(unit, np.random.default_rng(0)), k)
    features = np.array(_transcribed(unit, channels=2))
    labels = AgglomerativeClustering(k, linkage="ward").fit_predict(features)
    norms = np.sqrt((features**2).sum(axis=1))
    expected = [max(np.flatnonzero(labels == c), key=lambda i: norms[i]) for c in range(k)]
    assert kept_of(reduction) == sorted(expected)
    np.testing.assert_array_equal(reduction.incoming, unit.incoming[kept_of(reduction)])
    np.testing.assert_array_equal(mix_of(reduction), np.eye(unit.neurons)[:, kept_of(reduction)])
    assert len({*zip(labels.tolist(), clusters_of(reduction).tolist(), strict=True)}) == k


def test_of_equal_norms_the_first_is_kept() -> None:
    unit = make_unit("linear", np.random.default_rng(0), neurons=1)
    copies = replace(
        unit,
        incoming=np.repeat(unit.incoming, 4, axis=0),
        filters=np.repeat(unit.filters, 4, axis=0),
        consumers=tuple(
            replace(c, outgoing=np.repeat(c.outgoing, 4, axis=1)) for c in unit.consumers
        ),
    )
    reduction = Cup().reduce(Cup().prepare(copies, np.random.default_rng(0)), 1)
    assert kept_of(reduction) == [0]


def test_batch_norm_and_weights_are_sliced() -> None:
    model = build("vgg")
    small, _ = compress(model, images("vgg"), "cup", 0.5, scope=["features.3"])
    unit = read_unit(model, discover(model, images("vgg")).sites[1])
    kept = kept_of(Cup().reduce(Cup().prepare(unit, np.random.default_rng(0)), 5))
    for name in ("features.3.weight", "features.3.bias", "features.4.weight", "features.4.bias"):
        assert torch.equal(small.get_parameter(name), model.get_parameter(name)[kept])
    for name in ("features.4.running_mean", "features.4.running_var"):
        assert torch.equal(small.get_buffer(name), model.get_buffer(name)[kept])
    consumer = "features.7.weight"
    assert torch.equal(small.get_parameter(consumer), model.get_parameter(consumer)[:, kept])


def test_its_allocator_cuts_the_same_dendrogram() -> None:
    unit = _unit("conv")
    features: Array = np.array(_transcribed(unit, channels=2))
    np.testing.assert_allclose(cup_heights(unit), ward(features).heights)
