"""The Gaussian source: laws of pre-activations against populations where the model is exact."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.networks import build, images
from tests.unit.test_surgery import Scripted
from tropnnc import Pixels, Tier, TropnncError, Unit, compress
from tropnnc.composition import gaussian_ls
from tropnnc.composition.gaussian import Gaussian, GaussianMoments
from tropnnc.composition.moments import Moments
from tropnnc.graph import discover
from tropnnc.reduction import Reduction, select
from tropnnc.surgery import read_unit
from tropnnc.unit import Array


def units(model: nn.Module, example: Tensor, pixels: Pixels | None = None) -> list[Unit]:
    sites = discover(model, example).sites
    return [read_unit(model, site, pixels, sites=sites) for site in sites]


def calibrated(model: nn.Sequential, layer: int) -> nn.Sequential:
    """The statistics of the batch norm behind ``layer`` for white inputs, γ of either sign."""
    producer, behind = model[layer], model[layer + 1]
    assert isinstance(producer, nn.Linear | nn.Conv2d)
    assert isinstance(behind, nn.BatchNorm1d | nn.BatchNorm2d)
    weight = producer.weight.detach().flatten(1)
    behind.weight.data = torch.randn(len(weight)).double()
    behind.bias.data = torch.randn(len(weight)).double()
    behind.running_var = weight.square().sum(dim=1)
    behind.running_mean = torch.zeros(len(weight)).double()
    if producer.bias is not None:
        behind.running_mean = producer.bias.detach().clone()
    return model


def agree(found: Moments, samples: Array) -> None:
    """Gram matrix and mean within 3 standard errors of those of ``samples [count, n]``.

    The constant is for events too rare to be seen.
    """
    error = samples.std(axis=0) / sqrt(len(samples))
    assert (np.abs(found.mean - samples.mean(axis=0)) < 3 * error + 1e-6).all()
    for i in range(samples.shape[1]):
        products = samples[:, i : i + 1] * samples
        error = products.std(axis=0) / sqrt(len(samples))
        assert (np.abs(found.gram[i] - products.mean(axis=0)) < 3 * error + 1e-6).all()


def hidden(model: nn.Sequential, stop: int, inputs: Tensor) -> Array:
    with torch.no_grad():
        return model[:stop](inputs).flatten(1).numpy()


def test_batch_norm_states_means_and_deviations_whatever_the_sign_of_gamma() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    calibrated(model.double().eval(), 0)
    (unit,) = units(model, torch.zeros(2, 5).double())
    assert unit.batch_norm is not None
    assert (unit.batch_norm.weight < 0).any()
    found = Gaussian().moments(unit)
    np.testing.assert_allclose(found.law.mean, unit.batch_norm.bias)
    np.testing.assert_allclose(found.law.std, np.abs(unit.batch_norm.weight), rtol=1e-4)
    agree(found, hidden(model, 3, torch.randn(100_000, 5).double()))


@pytest.mark.parametrize("inputs", ["statistics", "isotropic"])
def test_the_scale_of_the_weights_does_not_matter_behind_batch_norm(inputs: str) -> None:
    """The file's statistics are read; isotropic inputs need none and see the folded rows."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    calibrated(model.double().eval(), 0)
    (unit,) = units(model, torch.zeros(2, 5).double())
    source = Gaussian(inputs)  # type: ignore[arg-type]
    assert source.needs is (Tier.STATISTICS if inputs == "statistics" else Tier.WEIGHTS)
    wrong = replace(unit, incoming=3 * unit.incoming)
    before, after = (source.moments(u).law.std for u in (unit, wrong))
    np.testing.assert_allclose(after, before * (1 if inputs == "statistics" else 3))


def test_without_batch_norm_the_pixels_are_propagated() -> None:
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(2, 5, 2), nn.ReLU6(), nn.Conv2d(5, 4, 1), nn.ReLU(), nn.Conv2d(4, 3, 1)
    ).double()
    pixels = Pixels((0.3, -0.2), (1.5, 0.5))
    first, second = units(model.eval(), torch.zeros(1, 2, 2, 2).double(), pixels)
    mean, std = (torch.tensor(v).double().reshape(2, 1, 1) for v in (pixels.mean, pixels.std))
    inputs = mean + std * torch.randn(100_000, 2, 2, 2).double()
    agree(Gaussian().moments(first), hidden(model, 2, inputs))
    # What the second layer makes of the first's activations is not normal; its moments are exact.
    law = Gaussian().moments(second).law
    agree(GaussianMoments.of(law, None), hidden(model, 3, inputs))


def test_a_flattened_map_counts_every_position() -> None:
    torch.manual_seed(3)
    layers = [nn.Conv2d(1, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(4, 2)).double().eval()
    _, second = units(model, torch.zeros(1, 1, 2, 2).double(), Pixels(0.1, 1.2))
    law = Gaussian().moments(second).law
    inputs = 0.1 + 1.2 * torch.randn(100_000, 1, 2, 2).double()
    agree(GaussianMoments.of(law, None), hidden(model, 4, inputs))


class Concatenated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 4), nn.Linear(2, 5)
        self.join, self.head = nn.Linear(9, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.one(x[:, :3]).relu(), self.two(x[:, 3:]).relu()
        return self.head(self.join(torch.cat([one, two], 1)).relu())


def test_two_units_side_by_side_feed_a_third() -> None:
    torch.manual_seed(4)
    model = Concatenated().double().eval()
    model.one.bias.data += 0.5
    first, second, third = units(model, torch.zeros(2, 5).double())
    moments = [Gaussian().moments(unit) for unit in (first, second)]
    weight, bias = model.join.weight.detach().numpy(), model.join.bias.detach().numpy()
    mean = np.concatenate([m.mean for m in moments])
    covariance = np.zeros((9, 9))
    for m, where in zip(moments, (slice(0, 4), slice(4, 9)), strict=True):
        covariance[where, where] = m.gram - np.outer(m.mean, m.mean)
    law = Gaussian().moments(third).law
    np.testing.assert_allclose(law.mean, weight @ mean + bias, rtol=1e-9)
    np.testing.assert_allclose(law.covariance, weight @ covariance @ weight.T, rtol=1e-9)
    # A unit that is hidden, or unknown, leaves standard normal inputs.
    alone = replace(third, feeds=tuple)
    np.testing.assert_allclose(Gaussian().moments(alone).law.mean, bias)
    np.testing.assert_allclose(Gaussian("isotropic").moments(third).law.mean, bias)


@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize("activation", [nn.ReLU6(), nn.Identity()])
def test_behind_a_depthwise_convolution(normed: bool, activation: nn.Module) -> None:
    """White images through a 1 × 1 producer: the places are independent, as the model has it."""
    torch.manual_seed(5)
    norm = nn.BatchNorm2d(4) if normed else nn.Identity()
    depthwise = nn.Conv2d(4, 4, 2, groups=4)
    layers = [nn.Conv2d(3, 4, 1), nn.ReLU(), depthwise, norm, activation]
    model = nn.Sequential(*layers, nn.Conv2d(4, 2, 1)).double().eval()
    inputs = torch.randn(60_000, 3, 2, 2).double()
    if isinstance(norm, nn.BatchNorm2d):
        raw = torch.from_numpy(hidden(model, 3, inputs))
        norm.running_mean, norm.running_var = raw.mean(0), raw.var(0)
        norm.weight.data, norm.bias.data = torch.randn(4).double(), torch.randn(4).double()
    (unit,) = units(model, inputs[:1])
    found = Gaussian().moments(unit)
    # The law is not normal; its mean and its covariance are exact.
    agree(GaussianMoments.of(found.law, None), hidden(model, 4, inputs))
    assert found.cap == (6.0 if isinstance(activation, nn.ReLU6) else None)


def test_merged_neurons_follow_the_same_model() -> None:
    torch.manual_seed(6)
    model = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    calibrated(model.double().eval(), 0)
    (unit,) = units(model, torch.zeros(2, 5).double())
    mixing = np.random.default_rng(0).dirichlet(np.ones(6), size=2)
    joint = Gaussian().moments(unit).joint(Reduction(mixing @ unit.incoming, combination=mixing))
    z = hidden(model, 2, torch.randn(200_000, 5).double())
    h, merged = np.maximum(z, 0), np.maximum(z @ mixing.T, 0)
    both = np.concatenate([h, merged], axis=1)
    error = np.abs(both).max() * 0.01
    np.testing.assert_allclose(joint.cross, h.T @ merged / len(z), atol=error)
    np.testing.assert_allclose(joint.inner, merged.T @ merged / len(z), atol=error)
    np.testing.assert_allclose(joint.mean, merged.mean(axis=0), atol=error)
    with pytest.raises(TropnncError, match="kept or combination"):
        Gaussian().moments(unit).joint(Reduction(unit.incoming[:2]))


def test_pixels_must_fit_the_first_layer() -> None:
    model, inputs = build("lenet5"), images("lenet5", 2)
    with pytest.raises(
        TropnncError, match=r"^conv1: reads 25 numbers, which 3 channels .* accepted"
    ):
        compress(model, inputs, gaussian_ls(), pixels=Pixels((0.1, 0.2, 0.3), 1.0))


def test_what_feeds_a_unit_is_read_as_compressed_so_far() -> None:
    """Also where the unit in front is out of scope, and where columns have moved up."""
    seen: dict[str, list[tuple[str, int, int]]] = {}

    def answer(unit: Unit, k: int) -> Reduction:
        feeds = unit.feeds()
        seen[unit.name] = [(f.unit.name, f.unit.neurons, f.start) for f in feeds]
        for feed in feeds:
            columns = feed.unit.neurons * feed.block * unit.kernel
            here = unit.filters[:, feed.start * unit.kernel :][:, :columns]
            consumer = next(c for c in feed.unit.consumers if c.name == unit.name)
            back = consumer.outgoing.reshape(unit.neurons, -1)
            np.testing.assert_array_equal(here, back)
        return select(unit, np.arange(k))

    model, inputs = build("branches"), images("branches", 2)
    compress(model, inputs, Scripted(answer), 0.5)
    joined = [("wide.0", 3, 0), ("narrow", 4, 3)]
    assert seen == {"stem": [], "wide.0": [("stem", 4, 0)], "narrow": [("stem", 4, 0)],
                    "join": joined}  # fmt: skip
    seen.clear()
    compress(model, inputs, Scripted(answer), 0.5, scope=["narrow", "join"])
    assert seen["join"] == [("wide.0", 6, 0), ("narrow", 4, 6)]
    seen.clear()
    compress(model, inputs, Scripted(answer), 0.5, order="original")
    assert seen["join"] == [("wide.0", 6, 0), ("narrow", 7, 6)]
