"""Every codec gives back the bits, or says why not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.storage.tensors import DEGENERATE, bit_equal, payload, skewed, tensors
from tropnnc import TropnncError
from tropnnc.storage import codebooks, codec_names, entries, restore, store
from tropnnc.storage.codecs import CODECS
from tropnnc.storage.columns import columns_of
from tropnnc.storage.form import form_of, to_words

LOSSLESS = sorted({*codec_names()} - {"fp16"})


@settings(deadline=None, max_examples=25)
@given(st.lists(tensors(), max_size=4))
@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_state_dict_comes_back_bit_equal(codec: str, values: list[Tensor]) -> None:
    named = {f"layer.{place}": tensor for place, tensor in enumerate(values)}
    back = restore(store(named, codec))
    assert list(back) == list(named)
    assert all(bit_equal(back[name], tensor) for name, tensor in named.items())


@settings(deadline=None, max_examples=25)
@given(tensors())
def test_float16_gives_back_the_bits_or_refuses(tensor: Tensor) -> None:
    wide = form_of(tensor).coded and tensor.dtype in (torch.float32, torch.float64)
    if not wide or bit_equal(tensor.half().to(tensor.dtype), tensor):
        assert bit_equal(restore(store({"t": tensor}, "fp16"))["t"], tensor)
    else:
        with pytest.raises(TropnncError, match=r"^t: is not exactly representable in float16"):
            store({"t": tensor}, "fp16")


@pytest.mark.parametrize("codec", LOSSLESS)
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_tensors(kind: str, codec: str) -> None:
    back = restore(store({"t": DEGENERATE[kind]}, codec))["t"]
    assert bit_equal(back, DEGENERATE[kind])
    back += 1  # memory of its own, to be written to


def test_float16_halves_what_it_holds_exactly() -> None:
    tensor = DEGENERATE["float16 numbers"]
    data = store({"t": tensor}, "fp16")
    assert entries(data)[0].length == 2 * tensor.numel()
    assert bit_equal(restore(data)["t"], tensor)
    with pytest.raises(TropnncError, match=r"^t: is not exactly .* is the caller's$"):
        store({"t": tensor + 1e-6}, "fp16")


def test_biases_and_batch_norm_are_raw_and_codes_are_not() -> None:
    named = {
        "bias": torch.zeros(99), "num_batches_tracked": torch.tensor(5),
        "short": torch.zeros(16, dtype=torch.uint8), "codes": torch.zeros(17, dtype=torch.uint8),
    }  # fmt: skip
    used = {entry.name: entry.codec for entry in entries(store(named, "range"))}
    raw = dict.fromkeys(("bias", "num_batches_tracked", "short"), "fp32")
    assert used == {**raw, "codes": "range"}


def test_a_product_with_a_mask_leaves_minus_zeros_which_are_values() -> None:
    tensor = torch.tensor([[-2.0, 3.0], [4.0, -5.0]])
    masked = tensor * torch.tensor([[0, 1], [0, 1]])
    assert columns_of(to_words(masked), form_of(masked)).starts.tolist() == [0, 2, 3]
    assert bit_equal(restore(store({"t": masked}, "sham"))["t"], masked)


def test_best_is_the_smallest_of_all() -> None:
    named = {"skewed": skewed(), "dense": torch.rand(20, 30), **DEGENERATE}
    best = {entry.name: entry for entry in entries(store(named, "best"))}
    for name, tensor in named.items():
        if form_of(tensor).coded:
            half = "float16" if name == "float16 numbers" else ""
            others = [len(payload(tensor, codec)) for codec in CODECS if codec != "fp16" or half]
            assert best[name].length <= min(others)
    assert best["dense"].codec == "fp32"


def test_more_values_than_the_range_coder_tells_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codebooks, "MOST_SYMBOLS", 3)
    four = {"w": torch.arange(4.0).reshape(2, 2)}
    with pytest.raises(TropnncError, match=r"^w: 4 distinct values; accepted are 3"):
        store(four, "range")
    assert bit_equal(restore(store(four, "best"))["w"], four["w"])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("w", 3, "w: int is not stored; accepted are tensors"), (3, torch.ones(1), "3: a name of")],
)
def test_what_is_no_state_dict(name: Any, value: Any, said: str) -> None:
    with pytest.raises(TropnncError, match=said):
        store({name: value}, "fp32")


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.zeros(2, 2).to_sparse(), "sparse"),
        (torch.zeros(2, 2, device="meta"), "on meta"),
        (torch.zeros(2, 2, dtype=torch.complex64), "complex64"),
    ],
)
def test_what_is_not_stored(tensor: Tensor, said: str) -> None:
    with pytest.raises(TropnncError, match=rf"^w: .*{said}.* accepted are dense float64"):
        store({"w": tensor}, "fp32")


def test_an_unknown_codec_names_all() -> None:
    with pytest.raises(TropnncError, match=f"accepted are {', '.join(codec_names())}"):
        store({}, "zip")
