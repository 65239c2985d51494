"""Quantiser, range coder, patches and what is shared: every step back is exact or bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from baselines.coin import (
    EntropyCoder,
    Quantiser,
    fit_coder,
    fit_quantiser,
    join,
    pack,
    split,
    unpack,
)
from baselines.coin.siren import SirenShape
from tests.coin.test_siren import siren
from tropnnc import TropnncError

FEW = settings(max_examples=25, deadline=None)
LATENTS = arrays(
    np.float32,
    st.tuples(st.integers(2, 6), st.integers(1, 5)),
    elements=st.floats(-100, 100, width=32, allow_subnormal=False),
)


def quantiser(bits: int = 5, reach: float = 3.0) -> Quantiser:
    return Quantiser(np.asarray(np.float32(0.3)), np.asarray(np.float32(1.7)), reach, bits)


@given(latents=LATENTS, bits=st.integers(1, 10), reach=st.floats(0.5, 6))
@FEW
def test_quantised_twice_is_quantised_once_and_errors_are_bounded(
    latents: np.ndarray, bits: int, reach: float
) -> None:
    own = quantiser(bits, reach)
    symbols = own.quantise(latents)
    assert symbols.min() >= 0
    assert symbols.max() <= 2**bits - 1
    again = own.restore(symbols)
    assert np.array_equal(own.quantise(again), symbols)
    mean, deviation = float(own.mean), float(own.deviation)
    inside = np.abs(latents.astype(float) - mean) <= reach * deviation
    bound = reach * deviation / (2**bits - 1)
    assert (np.abs(again - latents)[inside] <= bound * (1 + 1e-9)).all()
    outside = np.where(latents > mean, mean + reach * deviation, mean - reach * deviation)
    assert np.allclose(again[~inside], outside[~inside])


def test_one_mean_for_all_or_one_per_component() -> None:
    train = np.random.default_rng(0).normal(size=(500, 3)) * [1, 10, 100] + [0, 5, -5]
    shared, own = fit_quantiser(train, 5), fit_quantiser(train, 5, per_component=True)
    assert shared.mean.shape == ()
    assert own.deviation == pytest.approx(train.std(axis=0))
    errors = [np.abs(q.restore(q.quantise(train)) - train).mean(axis=0) for q in (shared, own)]
    assert errors[1][0] < errors[0][0] / 10
    assert (shared.reach, fit_quantiser(train, 6).reach, fit_quantiser(train, 11).reach) == (
        3,
        5,
        6,
    )


@given(
    train=st.lists(st.integers(0, 31), min_size=1, max_size=60),
    symbols=st.lists(st.integers(0, 31), max_size=80),
)
@FEW
def test_symbols_to_bytes_and_back(train: list[int], symbols: list[int]) -> None:
    """Also symbols that were never seen in training: empty bins count 1."""
    coder = fit_coder(np.array(train), 32)
    data = coder.encode(np.array(symbols, int))
    assert coder.decode(data, len(symbols)).tolist() == symbols


def test_latents_to_bytes_and_back() -> None:
    rng = np.random.default_rng(1)
    own = fit_quantiser(rng.normal(size=(300, 8)), 5)
    coder = fit_coder(own.quantise(rng.normal(size=(300, 8))), own.levels)
    symbols = own.quantise(3 * rng.normal(size=(50, 8)))
    assert np.array_equal(coder.decode(coder.encode(symbols), 400).reshape(50, 8), symbols)


@pytest.mark.parametrize("bits", [1, 3, 5, 8])
def test_bytes_are_the_cross_entropy(bits: int) -> None:
    rng = np.random.default_rng(bits)
    own = fit_quantiser(rng.normal(size=(1000, 64)), bits)
    coder = fit_coder(own.quantise(rng.normal(size=(1000, 64))), own.levels)
    symbols = own.quantise(rng.normal(size=(1000, 64)))
    ideal = coder.cross_entropy(symbols)
    shares = np.bincount(symbols.ravel(), minlength=own.levels) / symbols.size
    logs = np.log2(coder.counts / coder.counts.sum())
    assert ideal == pytest.approx(-symbols.size * (shares * logs).sum())
    assert ideal - 8 <= 8 * len(coder.encode(symbols)) <= 1.001 * ideal + 64


def test_a_histogram_of_training_symbols_alone() -> None:
    coder = fit_coder(np.array([0, 0, 2]), 4)
    assert coder.counts.tolist() == [2, 1, 1, 1]
    assert coder.cross_entropy(np.array([3])) == pytest.approx(np.log2(5))


def test_bytes_that_were_not_written_by_it() -> None:
    coder = EntropyCoder(np.array([1, 1, 1, 1_000_000]))
    with pytest.raises(TropnncError, match="do not decode to 50 symbols"):
        coder.decode(b"\xff" * 8, 50)


def test_bad_quantisers() -> None:
    for bits in (0, 17):
        with pytest.raises(TropnncError, match="1 to 16"):
            quantiser(bits)
    with pytest.raises(TropnncError, match="constant or not finite"):
        fit_quantiser(np.ones((5, 2)), 5)


def test_patches_of_95_by_100() -> None:
    image = torch.randint(256, (2, 3, 95, 100), dtype=torch.uint8)
    patches = split(image, (20, 10))
    assert patches.shape == (2 * 5 * 10, 3, 20, 10)
    assert torch.equal(patches[11], image[0, :, 20:40, 10:20])
    assert torch.equal(patches[40, :, 15:], image[0, :, 89:94, :10].flip(1))  # reflected
    assert torch.equal(join(patches, (95, 100)), image)


@given(
    size=st.tuples(st.integers(2, 12), st.integers(2, 12)),
    patch=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
@FEW
def test_patches_and_back(size: tuple[int, int], patch: tuple[int, int]) -> None:
    image = torch.arange(2 * size[0] * size[1]).view(2, 1, *size).to(torch.uint8)
    if any(-whole % part >= whole for whole, part in zip(size, patch, strict=True)):
        with pytest.raises(TropnncError, match="are not accepted"):
            split(image, patch)
    else:
        assert torch.equal(join(split(image, patch), size), image)


def test_shared_bytes_are_all_that_a_decoder_needs() -> None:
    model = siren(SirenShape(5, 64, 64))
    data = pack(model.state_dict())
    assert len(data) == 117_508  # relatives.md C1
    other = siren(SirenShape(5, 64, 64), seed=1)
    other.load_state_dict(unpack(data, other.state_dict()))
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    with pytest.raises(TropnncError, match="these sizes have 117508"):
        unpack(data[:-1], other.state_dict())
