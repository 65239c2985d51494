"""ThiNet on Gram matrices against the papers' loops on the sampled rows themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.thinet import ThiNet, reconstruction, rescaling, thinet, thinet_keep
from baselines.thinet_greedy import keeping_path, removal_path
from baselines.thinet_sampling import contribution_gram
from tests.units import KINDS, Activations, kept_of, make_unit, mix_of, own_activations
from tropnnc import TropnncError
from tropnnc.unit import Array, Consumer, ConvGeometry, Unit

Make = Callable[[], ThiNet]


def _rows(seed: int, count: int = 60, neurons: int = 12) -> Array:
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(size=(count, neurons)), 0) * rng.normal(size=neurons)


def _removal_transcribed(x: Array) -> list[int]:
    """ICCV 2017, algorithm 1: move to T the channel of least ``Σ_i (Σ_{j ∈ T ∪ c} x_ij)²``."""
    removed: list[int] = []
    while len(removed) < x.shape[1]:
        rest = [c for c in range(x.shape[1]) if c not in removed]
        removed.append(min(rest, key=lambda c: (x[:, [*removed, c]].sum(axis=1) ** 2).sum()))
    return removed[::-1]


def _keeping_transcribed(x: Array) -> list[int]:
    """TPAMI 2018: keep ``argmin_c min_w ‖r − w·x_c‖²``, then refit all that is kept."""
    y = x.sum(axis=1)
    kept: list[int] = []
    residual = y
    while len(kept) < x.shape[1]:
        errors = {}
        for c in set(range(x.shape[1])) - set(kept):
            w = residual @ x[:, c] / (x[:, c] @ x[:, c])
            errors[c] = ((residual - w * x[:, c]) ** 2).sum()
        kept.append(min(errors, key=lambda c: errors[c]))
        residual = y - x[:, kept] @ (np.linalg.pinv(x[:, kept]) @ y)
    return kept


@pytest.mark.parametrize("seed", range(8))
def test_removal_is_the_transcribed_loop(seed: int) -> None:
    x = _rows(seed)
    assert removal_path(x.T @ x).tolist() == _removal_transcribed(x)


@pytest.mark.parametrize("seed", range(8))
def test_keeping_is_the_transcribed_loop(seed: int) -> None:
    x = _rows(seed)
    # The last choice is among one, the one before it between residuals near zero.
    assert keeping_path(x.T @ x)[:-2].tolist() == _keeping_transcribed(x)[:-2]


@pytest.mark.parametrize("width", [1, 5, 11])
def test_rescaling_is_the_least_squares_fit(width: int) -> None:
    x, kept = _rows(0), np.arange(width) + 1
    fit = np.linalg.lstsq(x[:, kept], x.sum(axis=1))[0]
    np.testing.assert_allclose(rescaling(x.T @ x, kept), fit, atol=1e-3)


def test_dead_and_repeated_channels_are_ranked_last_and_change_nothing() -> None:
    x = _rows(3, neurons=6)
    x = np.column_stack([np.zeros(len(x)), x, x[:, 0]])
    path = keeping_path(x.T @ x)
    assert path[-1] == 0
    assert path[-2] in (1, 7)
    kept = np.sort(path[:6])
    np.testing.assert_allclose(x[:, kept] @ rescaling(x.T @ x, kept), x.sum(axis=1), atol=1e-4)


def test_all_dead_channels_stay_as_they_are() -> None:
    dead = np.zeros((4, 4))
    assert sorted(keeping_path(dead)) == sorted(removal_path(dead)) == [0, 1, 2, 3]
    np.testing.assert_array_equal(rescaling(dead, np.array([1, 3])), [1.0, 1.0])


def _contributions_transcribed(
    consumer: Consumer, activations: torch.Tensor, samples: int, rng: np.random.Generator
) -> Array:
    """Rows of X: each channel alone through the consumer, read at the drawn places."""
    draws = rng.random((len(activations), samples, 3))
    rows = []
    for image, places in zip(activations, draws, strict=True):
        alone = torch.stack([_alone(consumer, image, c) for c in range(len(image))])
        sizes = np.array(alone.shape[1:])
        for place in places:
            o, row, column = (place * sizes).astype(int)
            rows.append(alone[:, o, row, column].numpy())
    return np.stack(rows)


def _alone(consumer: Consumer, image: torch.Tensor, channel: int) -> torch.Tensor:
    """What ``channel`` adds to the consumer's output, ``[m, height, width]``."""
    weight = torch.from_numpy(consumer.outgoing[:, channel])
    geometry = consumer.geometry
    if geometry is None:
        return (weight @ image[channel])[:, None, None]
    mode = {"zeros": "constant"}.get(geometry.padding_mode, geometry.padding_mode)
    padded = F.pad(image[None, channel : channel + 1], geometry.padding, mode=mode)
    kernel = weight.reshape(-1, 1, *geometry.kernel_size)
    return F.conv2d(padded, kernel, stride=geometry.stride, dilation=geometry.dilation)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_the_consumers_outputs_at_the_drawn_places(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    calibration = own_activations(unit, kind, np.random.default_rng(1))
    gram = contribution_gram(unit, calibration, 7, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    streams = zip(unit.consumers, calibration.consumer_inputs, strict=True)
    x = np.concatenate([_contributions_transcribed(c, h, 7, rng) for c, h in streams])
    assert len(x) == 7 * 12 * len(unit.consumers)
    np.testing.assert_allclose(gram, x.T @ x, rtol=1e-10)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_samples_follow_the_padding_mode(mode: str) -> None:
    unit = make_unit("conv", np.random.default_rng(0))
    calibration = own_activations(unit, "conv", np.random.default_rng(1))
    geometry = ConvGeometry((3, 2), (2, 1), (1, 1, 2, 1), (1, 2), mode)
    consumer = replace(unit.consumers[0], geometry=geometry)
    unit = replace(unit, consumers=(consumer,))
    gram = contribution_gram(unit, calibration, 5, np.random.default_rng(2))
    x = _contributions_transcribed(
        consumer, calibration.consumer_inputs[0], 5, np.random.default_rng(2)
    )
    np.testing.assert_allclose(gram, x.T @ x, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "transcribed"),
    [(thinet, _removal_transcribed), (thinet_keep, _keeping_transcribed)],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_convolution_keeps_the_channels_of_the_papers_loops(
    make: Make, transcribed: Callable[[Array], list[int]], seed: int
) -> None:
    """From the maps to the kept channels and their factors, against loops over single samples."""
    unit = make_unit("conv", np.random.default_rng(seed))
    calibration = own_activations(unit, "conv", np.random.default_rng(seed + 1))
    unit = replace(unit, calibration=calibration)
    rng = np.random.default_rng(2)
    streams = zip(unit.consumers, calibration.consumer_inputs, strict=True)
    x = np.concatenate([_contributions_transcribed(c, h, 10, rng) for c, h in streams])
    reducer = make()
    state = reducer.prepare(unit, np.random.default_rng(2))
    for k in (1, 3, unit.neurons - 3):
        reduction = reducer.reduce(state, k)
        kept = sorted(transcribed(x)[:k])
        assert sorted(kept_of(reduction)) == kept
        fit = np.linalg.lstsq(x[:, kept], x.sum(axis=1))[0]
        np.testing.assert_allclose(mix_of(reduction)[kept].diagonal(), fit, rtol=0.05)


@pytest.mark.parametrize("make", [thinet, thinet_keep])
def test_samples_do_not_depend_on_the_batches(make: Make) -> None:
    def answer(batch_size: int) -> Array:
        unit = make_unit("shared", np.random.default_rng(0))
        calibration = own_activations(unit, "shared", np.random.default_rng(1), batch_size)
        unit = replace(unit, calibration=calibration)
        state = make().prepare(unit, np.random.default_rng(2))
        return mix_of(make().reduce(state, 4))

    np.testing.assert_allclose(answer(1), answer(5), rtol=1e-9)


def test_a_convolution_over_the_whole_map_is_a_linear_layer() -> None:
    rng = np.random.default_rng(0)
    unit = make_unit("flatten", rng)
    whole = ConvGeometry((3, 3), (1, 1), (0, 0, 0, 0), (1, 1), "zeros")
    as_conv = replace(unit, consumers=(replace(unit.consumers[0], geometry=whole),))
    maps = torch.from_numpy(rng.random((9, unit.neurons, 3, 3)))
    linear = contribution_gram(unit, Activations((maps.flatten(2),)), 4, np.random.default_rng(1))
    conv = contribution_gram(as_conv, Activations((maps,)), 4, np.random.default_rng(1))
    np.testing.assert_allclose(conv, linear, rtol=1e-12)


@pytest.mark.parametrize("make", [thinet, thinet_keep])
def test_widths_are_nested_and_the_full_width_keeps_all_as_it_is(make: Make) -> None:
    unit = make_unit("conv", np.random.default_rng(0))
    calibration = own_activations(unit, "conv", np.random.default_rng(1))
    unit = replace(unit, calibration=calibration)
    state = make().prepare(unit, np.random.default_rng(0))
    kept = [set(kept_of(make().reduce(state, k))) for k in range(1, unit.neurons + 1)]
    assert [len(keep) for keep in kept] == list(range(1, unit.neurons + 1))
    assert all(narrow < wide for narrow, wide in pairwise(kept))
    np.testing.assert_array_equal(mix_of(make().reduce(state, unit.neurons)), np.eye(unit.neurons))


def _dense_activations(unit: Unit, calibration: Activations) -> Array:
    """Hidden activations ``[positions, n]``, all consumers stacked."""
    inputs = calibration.consumer_inputs[: len(unit.consumers)]
    return np.concatenate([h.flatten(2).movedim(1, 2).flatten(0, 1).numpy() for h in inputs])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [thinet, thinet_keep])
def test_full_rescaling_is_the_least_squares_fit_of_all_activations(
    kind: str, make: Callable[..., ThiNet]
) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    calibration = own_activations(unit, kind, np.random.default_rng(1))
    unit = replace(unit, calibration=calibration)
    full, scalar = (
        (reducer := make(rescale=rescale)).reduce(
            reducer.prepare(unit, np.random.default_rng(2)), 4
        )
        for rescale in ("full", "scalar")
    )
    h = _dense_activations(unit, calibration)
    fit = np.linalg.lstsq(h[:, kept_of(full)], h)[0].T
    assert kept_of(full) == kept_of(scalar)
    np.testing.assert_allclose(mix_of(full), fit, atol=1e-4)
    np.testing.assert_array_equal(mix_of(full)[kept_of(full)], np.eye(4))
    error = [np.linalg.norm(h - h[:, kept_of(r)] @ mix_of(r).T) for r in (full, scalar)]
    assert error[0] < error[1]


def test_full_rescaling_leaves_dead_channels_alone() -> None:
    np.testing.assert_array_equal(
        reconstruction(np.zeros((3, 3)), np.array([0, 2])), [[1, 0], [0, 0], [0, 1]]
    )


def test_without_images_there_is_one_clear_error() -> None:
    with pytest.raises(TropnncError, match="needs calibration images"):
        thinet().prepare(make_unit("linear", np.random.default_rng(0)), np.random.default_rng(0))
    with pytest.raises(TropnncError, match="samples_per_image = 0"):
        thinet(samples_per_image=0)
