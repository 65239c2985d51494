"""Gradients as bytes: exact where they must be, and nothing is lost for good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.communication.messages import SMALL, Message, kept_of, largest
from experiments.communication.settings import FILTERS, LOSSLESS, VALUES
from tropnnc.indexcodec import index_codec_names
from tropnnc.indexcodec.policies import POLICIES
from tropnnc.indexcodec.values import Floats, value_coder_names

D = 3_000


def gradient(seed: int, size: int = D) -> Floats:
    return np.random.default_rng(seed).standard_t(3, size=size).astype(np.float32)


def sent(message: Message, values: Floats, seed: int = 0) -> tuple[bytes, Floats]:
    data = message.write(values, seed, seed)
    decoded, end = message.read(data, 0, len(values), seed)
    assert end == len(data)
    return data, decoded


def test_codecs_are_those_of_the_library() -> None:
    assert {*index_codec_names(), "smallest"} == set(LOSSLESS)
    assert {name.removeprefix("bloom_") for name in FILTERS} == set(POLICIES) - {"naive"}
    assert set(value_coder_names()) == set(VALUES)


@pytest.mark.parametrize("index", LOSSLESS)
def test_lossless_codecs_send_the_largest_entries_and_nothing_else(index: str) -> None:
    values = gradient(0)
    _, decoded = sent(Message(index, 0.05, "fp32"), values)
    chosen = np.flatnonzero(decoded)
    assert len(chosen) == 150
    assert decoded[chosen].tobytes() == values[chosen].tobytes()
    assert np.abs(values[chosen]).min() >= np.abs(np.delete(values, chosen)).max()


@pytest.mark.parametrize(("index", "exactly"), [("p0", False), ("p1", True), ("p2", True)])
def test_filters_send_true_values_of_members(index: str, exactly: bool) -> None:
    values = gradient(1)
    data, decoded = sent(Message(f"bloom_{index}", 0.05, "fp32"), values)
    chosen = np.flatnonzero(decoded)
    assert len(chosen) == 150 if exactly else len(chosen) >= 150
    assert decoded[chosen].tobytes() == values[chosen].tobytes()
    if not exactly:
        assert np.isin(largest(values, 150), chosen).all()
    assert len(data) < 4 * 150 * 2.0  # key and value of each


@pytest.mark.parametrize("index", ["rice", "range", "bloom_p0", "bloom_p1", "bloom_p2"])
def test_all_entries_kept_is_the_gradient_itself(index: str) -> None:
    values = gradient(2)
    assert sent(Message(index, 1.0, "fp32"), values)[1].tobytes() == values.tobytes()


def test_small_tensors_are_sent_as_they_are() -> None:
    values = gradient(3, SMALL)
    data, decoded = sent(Message("rice", 0.01, "qsgd"), values)
    assert data == decoded.tobytes() == values.tobytes()


def assert_telescopes(message: Message, size: int, steps: int, most: int, seed: int) -> Floats:
    """What was sent and what is left are the sum of integer gradients; returns what is left."""
    rng = np.random.default_rng(seed)
    residual, total, received = (np.zeros(size, dtype=np.float32) for _ in range(3))
    for step in range(steps):
        own = rng.integers(-most, most + 1, size=size).astype(np.float32)
        total += own
        _, decoded = sent(message, own + residual, step)
        residual = own + residual - decoded
        received += decoded
    assert (received + residual).tobytes() == total.tobytes()
    return residual


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 1_000),
    st.sampled_from((*LOSSLESS, *FILTERS)),
    st.sampled_from(("fp32", "bf16")),
    st.floats(0.002, 1.0),
)
def test_what_was_sent_and_what_is_left_add_up(
    seed: int, index: str, values: str, keep: float
) -> None:
    assert_telescopes(Message(index, keep, values), 1_100, 10, 64, seed)


def test_error_feedback_telescopes_over_200_steps() -> None:
    assert assert_telescopes(Message("rice", 0.05, "fp32"), 1_500, 200, 1_000, 0).any()


def test_numbers_of_kept_entries() -> None:
    assert [kept_of(1_001, keep) for keep in (1e-9, 0.01, 0.1, 1.0)] == [1, 10, 100, 1_001]
    assert kept_of(5, 0.5) == 3
