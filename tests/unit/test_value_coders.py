"""Coders of values: fp32 is lossless, bf16 is torch's, QSGD is right on average."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.values import (
    BUCKET,
    LEVELS,
    Floats,
    decode_values,
    encode_values,
    value_bytes,
    value_coder_names,
)

VALUES = arrays(
    np.float32,
    st.integers(0, 1_200),
    elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False),
)


@settings(max_examples=25, deadline=None)
@given(VALUES)
def test_fp32_and_bf16_are_torchs_own(values: Floats) -> None:
    exact = decode_values(encode_values(values, "fp32"), len(values), "fp32")
    assert exact.tobytes() == values.tobytes()
    halved = decode_values(encode_values(values, "bf16"), len(values), "bf16")
    assert torch.equal(torch.from_numpy(halved), torch.from_numpy(values).bfloat16().float())


@settings(max_examples=25, deadline=None)
@given(VALUES, st.integers(0, 99))
def test_qsgd_is_within_one_level(values: Floats, seed: int) -> None:
    decoded = decode_values(encode_values(values, "qsgd", seed), len(values), "qsgd")
    for start in range(0, len(values), BUCKET):
        bucket = values[start : start + BUCKET].astype(np.float64)
        level = np.sqrt((bucket**2).sum()) / LEVELS
        errors = np.abs(decoded[start : start + BUCKET] - bucket)
        assert (errors <= level * (1 + 1e-5)).all()


def test_qsgd_is_unbiased() -> None:
    values = np.random.default_rng(0).normal(size=40).astype(np.float32)
    draws = np.array(
        [decode_values(encode_values(values, "qsgd", seed), 40, "qsgd") for seed in range(10_000)]
    )
    errors = draws.mean(axis=0) - values
    standard = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    assert (np.abs(errors) < 5 * standard).all()


def test_sizes_and_zeros() -> None:
    values = np.zeros(1_025, dtype=np.float32)
    sizes = {coder: len(encode_values(values, coder)) for coder in value_coder_names()}
    assert sizes == {"fp32": 4_100, "bf16": 2_050, "qsgd": 3 * 4 + 1_025}
    # Of 1 % and of 10 % of ResNet-20's gradient, relatives.md C2.
    assert [value_bytes(count, "qsgd") for count in (2_697, 26_972)] == [2_721, 27_184]
    for coder in value_coder_names():
        assert not decode_values(encode_values(values, coder), 1_025, coder).any()


@pytest.mark.parametrize("coder", value_coder_names())
def test_another_length_is_refused(coder: str) -> None:
    data = encode_values(np.ones(10, dtype=np.float32), coder)
    with pytest.raises(TropnncError, match="damaged values"):
        decode_values(data[:-1], 10, coder)
    with pytest.raises(TropnncError, match="unknown value coder"):
        decode_values(data, 10, "fp8")
