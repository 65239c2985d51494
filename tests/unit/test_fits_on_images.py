"""CORP's and channel pruning's fits against dense least squares on the activations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Tensor

from baselines.channel_pruning import ChannelPruning, lasso_supports, remaining
from baselines.corp import Corp
from tests.units import (
    KINDS,
    Activations,
    consumed,
    hidden,
    kept_of,
    make_unit,
    mix_of,
    own_activations,
    random_inputs,
)
from tropnnc import Reducer, Reduction, TropnncError
from tropnnc.unit import Array, Consumer, Point, Unit


def reduced(method: Reducer, unit: Unit, k: int) -> Reduction:
    return method.reduce(method.prepare(unit, np.random.default_rng(0)), k)


def seeing(unit: Unit, kind: str, batch_size: int = 4) -> Unit:
    calibration = own_activations(unit, kind, np.random.default_rng(1), batch_size)
    return replace(unit, calibration=calibration)


@pytest.mark.parametrize("kind", KINDS)
def test_corp_is_a_regression_with_intercept_on_all_positions(kind: str) -> None:
    unit = seeing(make_unit(kind, np.random.default_rng(0)), kind)
    answer = reduced(Corp(ridge=1e-12), unit, 5)
    kept = kept_of(answer)
    calibration = unit.calibration
    assert calibration is not None
    rows = []
    for c in range(len(unit.consumers)):
        for (tensor,) in calibration.stream(Point("consumer_input", consumer=c)):
            rows += [v for image in tensor for v in image.reshape(10, -1).T.numpy()]
    x = np.array(rows)
    design = np.column_stack([x[:, kept], np.ones(len(x))])
    fit = np.linalg.lstsq(design, x)[0].T
    if kind == "linear":  # twelve rows for six unknowns; else hundreds
        assert len(x) == 12
    np.testing.assert_allclose(mix_of(answer), fit[:, :-1], atol=1e-6)
    assert answer.offset is not None
    for offset, consumer in zip(answer.offset, unit.consumers, strict=True):
        expected = sum(consumer.outgoing[:, i].sum(axis=1) * fit[i, -1] for i in range(10))
        np.testing.assert_allclose(offset, expected, atol=1e-6)


def test_corp_keeps_the_largest_output_energy() -> None:
    unit = seeing(make_unit("conv", np.random.default_rng(2)), "conv")
    assert unit.calibration is not None
    x = torch.cat([h for (h,) in unit.calibration.stream(Point("consumer_input"))]).numpy()
    energy = [
        (unit.consumers[0].outgoing[:, i] ** 2).sum() * (x[:, i] ** 2).mean() for i in range(10)
    ]
    best = sorted(sorted(range(10), key=lambda i: -energy[i])[:4])
    assert kept_of(reduced(Corp(), unit, 4)) == best


@dataclass(frozen=True)
class Two:
    """Consumer inputs of a dense network and of one as compressed so far."""

    dense: Tensor
    current: Tensor

    @property
    def images(self) -> int:
        return len(self.dense)

    def stream(self, *points: Point) -> Iterator[tuple[Tensor, ...]]:
        pairs = zip(self.dense.split(7), self.current.split(7), strict=True)
        for dense, current in pairs:
            yield tuple(dense if point.network == "dense" else current for point in points)


def drifted(images: int = 40) -> tuple[Unit, Array, Array]:
    """A linear unit whose inputs the layers before have changed; its activations, both."""
    rng = np.random.default_rng(3)
    unit = make_unit("linear", rng)
    inputs = random_inputs(unit, "linear", rng, images)
    dense, current = hidden(unit, inputs), hidden(unit, inputs + 0.3 * torch.randn_like(inputs))
    unit = replace(unit, calibration=Two(dense[..., None], current[..., None]))
    return unit, dense.numpy(), current.numpy()


def test_channel_pruning_refits_to_the_dense_outputs() -> None:
    torch.manual_seed(0)
    unit, dense, current = drifted()
    answer = reduced(ChannelPruning(), unit, 5)
    weights = unit.consumers[0].outgoing[:, :, 0]
    kept = kept_of(answer)
    fit = np.linalg.lstsq(current[:, kept], dense @ weights.T)[0].T
    assert answer.outgoing is not None
    np.testing.assert_allclose(answer.outgoing[0][:, :, 0], fit, atol=1e-4)
    assert np.abs(fit - weights[:, kept]).max() > 0.1


@pytest.mark.parametrize("kind", ["conv", "shared"])
def test_channel_pruning_fits_every_tap(kind: str) -> None:
    """Positions drawn often enough have nearly the least squares over all of them."""
    unit = seeing(make_unit(kind, np.random.default_rng(4)), kind)
    answer = reduced(ChannelPruning(samples_per_image=500), unit, 6)
    kept = kept_of(answer)
    assert answer.outgoing is not None
    assert isinstance(unit.calibration, Activations)
    for index, consumer in enumerate(unit.consumers):
        activations = unit.calibration.consumer_inputs[index]
        target = consumed(consumer, activations).movedim(1, -1).flatten(0, -2).numpy()
        places = [(c, t) for c in kept for t in range(consumer.outgoing.shape[2])]
        taps = [alone(consumer, activations, *place) for place in places]
        x = torch.stack(taps, dim=-1).flatten(0, -2).numpy()
        best = np.linalg.lstsq(x, target)[0]
        fitted = answer.outgoing[index].reshape(len(best.T), -1).T
        mine, ideal, pruned = (
            float(((x @ w - target) ** 2).sum())
            for w in (fitted, best, consumer.outgoing[:, kept].reshape(len(best.T), -1).T)
        )
        assert ideal <= mine <= 1.05 * ideal
        assert mine < 0.8 * pruned


def alone(consumer: Consumer, activations: Tensor, channel: int, tap: int) -> Tensor:
    """What one tap of one channel sees at every position, ``[b, height, width]``."""
    one = np.zeros((1, *consumer.outgoing.shape[1:]))
    one[0, channel, tap] = 1.0
    return consumed(replace(consumer, outgoing=one), activations)[:, 0]


@pytest.mark.parametrize("method", [Corp(), ChannelPruning()])
def test_without_images_they_refuse(method: Reducer) -> None:
    with pytest.raises(TropnncError, match=r"producer: .* needs calibration images"):
        method.prepare(make_unit("conv", np.random.default_rng(0)), np.random.default_rng(0))


def test_channels_that_are_copies_or_dead_come_last() -> None:
    unit, dense, current = drifted()
    current[:, 3] = 0.0
    current[:, 7] = current[:, 2]
    calibration = Two(torch.from_numpy(dense)[..., None], torch.from_numpy(current)[..., None])
    outgoing = unit.consumers[0].outgoing.copy()
    outgoing[:, 7] = outgoing[:, 2]
    consumer = replace(unit.consumers[0], outgoing=outgoing)
    unit = replace(unit, consumers=(consumer,), calibration=calibration)
    state = ChannelPruning().prepare(unit, np.random.default_rng(0))
    assert not state.supports[3].any()
    assert not (state.supports[2] & state.supports[7]).any()
    assert len({2, 7} & set(kept_of(ChannelPruning().reduce(state, 8)))) == 1


def test_the_path_is_the_lassos() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 8))
    y = x @ np.array([3.0, -2.0, 1.5, 1.0, 0.5, 0.1, 0.0, 0.0]) + 0.1 * rng.normal(size=60)
    supports = lasso_supports(x.T @ x, x.T @ y)
    for k in range(1, 8):
        kept = remaining(supports, np.ones(8), k)
        # A penalty raised until no more than k remain, by bisection on scikit-learn's own solver.
        low, high = 0.0, float(np.abs(x.T @ y).max()) / 60
        for _ in range(60):
            middle = (low + high) / 2
            fit = Lasso(alpha=middle, fit_intercept=False, tol=1e-10, max_iter=10**5).fit(x, y)
            few = np.count_nonzero(fit.coef_) <= k
            low, high = (low, middle) if few else (middle, high)
        fit = Lasso(alpha=high, fit_intercept=False, tol=1e-10, max_iter=10**5).fit(x, y)
        assert kept.tolist() == np.flatnonzero(fit.coef_).tolist()
