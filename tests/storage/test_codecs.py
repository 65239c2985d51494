"""Every codec gives back the bits; HAM and sHAM are as the papers have them."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
import torch
from bitarray import bitarray
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from tests.storage.tensors import DEGENERATE, ICPR, bit_equal, tensors
from tropnnc import TropnncError
from tropnnc.storage import codec_names, entries, huffman, restore, store
from tropnnc.storage.codecs import CODECS
from tropnnc.storage.columns import columns_of
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, form_of, to_words
from tropnnc.storage.packing import pack, unpack
from tropnnc.storage.sizes import (
    code_lengths,
    csc_bits,
    entropy_bits,
    ham_bits,
    index_map_bits,
    sham_bits,
    sham_tight_bits,
    stream_bits,
)  # fmt: skip

LOSSLESS = sorted({*codec_names()} - {"fp16"})


def _payload(tensor: Tensor, codec: str) -> bytes:
    return CODECS[codec].encode(to_words(tensor), form_of(tensor))


def _frequencies(tensor: Tensor) -> NDArray[np.integer]:
    return np.unique(to_words(tensor), return_counts=True)[1]


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


def test_the_example_of_the_paper() -> None:
    words, form = to_words(ICPR), form_of(ICPR)
    columns = columns_of(words, form)
    assert columns.values.view(np.float32).tolist() == [1, 2, 10, 3, 4, 5, 6]
    assert columns.rows.tolist() == [0, 2, 1, 2, 0, 2, 4]
    assert columns.starts.tolist() == [0, 2, 4, 5, 5, 7]
    assert len(huffman.code(words).stream) == 45
    assert len(huffman.code(columns.values).stream) == 20
    assert entropy_bits(_frequencies(ICPR)) / 25 == pytest.approx(1.64151, abs=5e-6)


def test_a_textbook_code() -> None:
    frequencies = [45, 13, 12, 16, 9, 5]
    assert stream_bits(frequencies) == 224
    assert [0, *code_lengths(frequencies)] == [0, 1, 0, 3, 2]


counts = st.lists(st.integers(1, 400), min_size=2, max_size=40)


@settings(deadline=None, max_examples=25)
@given(counts)
def test_a_huffman_code_is_optimal_and_complete(frequencies: list[int]) -> None:
    heap, merged = sorted(frequencies), 0
    while len(heap) > 1:
        pair = heapq.heappop(heap) + heapq.heappop(heap)
        heapq.heappush(heap, pair)
        merged += pair
    assert stream_bits(frequencies) == merged
    lengths = code_lengths(frequencies)
    assert sum(n * 2 ** (len(lengths) - at) for at, n in enumerate(lengths, 1)) == 2 ** len(lengths)
    entries_ = sum(frequencies)
    assert merged >= entries_
    assert entropy_bits(frequencies) <= merged * (1 + 1e-12)
    assert merged < entropy_bits(frequencies) + entries_
    words = np.repeat(np.arange(len(frequencies), dtype=np.uint32), frequencies)
    assert len(huffman.code(words).stream) == merged


@settings(deadline=None, max_examples=25)
@given(tensors().filter(lambda tensor: form_of(tensor).coded))
def test_formulas_are_what_payloads_take(tensor: Tensor) -> None:
    form, words = form_of(tensor), to_words(tensor)
    word, n, m = 8 * form.word.itemsize, form.rows, form.columns
    every, nonzero = _frequencies(tensor), np.unique(words[words != 0], return_counts=True)[1]
    q = int(nonzero.sum())
    bits = {
        "fp32": 8 * form.dense_bytes,
        "csc": csc_bits(q, n, m, word) + 8,
        "index_map": index_map_bits(form.entries, len(every), word) + 32,
        "ham": ham_bits(every, word) + 8,
        "sham": sham_bits(nonzero, n, m, word) + 16,
        "sham_tight": sham_tight_bits(nonzero, n, m, word) + 16,
    }
    for codec, formula in bits.items():
        assert len(_payload(tensor, codec)) == -(-formula // 8)
    assert all(bits[codec] % 8 == 0 for codec in ("csc", "ham", "sham"))


def test_many_codewords_of_one_length_take_wider_counts() -> None:
    codebook = np.arange(1 << 16, dtype="<u4")
    for most, size in ((1 << 16, 4), ((1 << 16) - 1, 2)):
        lengths = [0] * 15 + [most]
        head = huffman.Coded(codebook[:most], lengths, bitarray()).head()
        assert len(head) == 1 + 16 * size + 4 * most
        values, read = huffman.read_head(Cursor(head), Form("float32", (1, 1)))
        assert (values.tolist(), read) == (codebook[:most].tolist(), lengths)


@settings(deadline=None, max_examples=25)
@given(tensors().filter(lambda tensor: form_of(tensor).coded), st.randoms(use_true_random=False))
def test_ham_does_not_mind_the_order_of_columns(tensor: Tensor, random) -> None:  # pyright: ignore[reportMissingParameterType]
    order = list(range(len(tensor)))
    random.shuffle(order)
    shuffled = tensor[order] if len(tensor.shape) > 1 else tensor
    assert len(_payload(tensor, "ham")) == len(_payload(shuffled, "ham"))


@pytest.mark.parametrize("codec", ["ham", "sham", "sham_tight", "csc", "index_map", "range"])
def test_a_scaled_matrix_takes_as_much(codec: str) -> None:
    assert len(_payload(ICPR, codec)) == len(_payload(-0.3 * ICPR + 0.0, codec))


def _skewed() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(64, generator=generator)
    picked = values[torch.randint(0, 64, (200, 300), generator=generator)]
    return picked.where(torch.rand(200, 300, generator=generator) < 0.02, 0)


def test_a_product_with_a_mask_leaves_minus_zeros_which_are_values() -> None:
    tensor = torch.tensor([[-2.0, 3.0], [4.0, -5.0]])
    masked = tensor * torch.tensor([[0, 1], [0, 1]])
    assert columns_of(to_words(masked), form_of(masked)).starts.tolist() == [0, 2, 3]
    assert bit_equal(restore(store({"t": masked}, "sham"))["t"], masked)


def test_the_range_coder_reaches_the_entropy_and_huffman_its_floor() -> None:
    tensor = _skewed()
    ideal = entropy_bits(_frequencies(tensor)) / 8
    tables = 4 + 65 * 4 + 64 + 3  # k, codebook, frequencies
    assert ideal <= len(_payload(tensor, "range")) <= 1.001 * ideal + tables + 8
    assert len(_payload(tensor, "ham")) > tensor.numel() / 8 > 1.05 * ideal


def test_best_is_the_smallest_of_all() -> None:
    named = {"skewed": _skewed(), "dense": torch.rand(20, 30), **DEGENERATE}
    best = {entry.name: entry for entry in entries(store(named, "best"))}
    for name, tensor in named.items():
        if form_of(tensor).coded:
            half = "float16" if name == "float16 numbers" else ""
            others = [len(_payload(tensor, codec)) for codec in CODECS if codec != "fp16" or half]
            assert best[name].length <= min(others)
    assert best["dense"].codec == "fp32"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=30), st.integers(0, 32))
def test_numbers_of_a_fixed_width(numbers: list[int], width: int) -> None:
    masked = np.array([number & (1 << width) - 1 for number in numbers], np.uint32)
    bits = pack(masked, width)
    assert bits.to01() == "".join(f"{n:0{width}b}" for n in masked.tolist()) * (width > 0)
    assert unpack(bits + bitarray(3), width, len(masked)).tolist() == masked.tolist()


def test_more_numbers_than_one_chunk() -> None:
    numbers = np.arange((1 << 18) + 5) % 8
    bits = pack(numbers, 3)
    assert len(bits) == 3 * len(numbers)
    np.testing.assert_array_equal(unpack(bits, 3, len(numbers)), numbers)


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
