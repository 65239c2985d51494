"""HAM and sHAM are as the papers have them; every codec takes what its formula says."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from bitarray import bitarray
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.storage.tensors import ICPR, frequencies, payload, skewed, tensors
from tropnnc import TropnncError
from tropnnc.storage import huffman
from tropnnc.storage.columns import columns_of
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, form_of, to_words
from tropnnc.storage.packing import pack, padded_bits, unpack
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


def test_the_example_of_the_paper() -> None:
    words, form = to_words(ICPR), form_of(ICPR)
    columns = columns_of(words, form)
    assert columns.values.view(np.float32).tolist() == [1, 2, 10, 3, 4, 5, 6]
    assert columns.rows.tolist() == [0, 2, 1, 2, 0, 2, 4]
    assert columns.starts.tolist() == [0, 2, 4, 5, 5, 7]
    assert len(huffman.code(words).stream) == 45
    assert len(huffman.code(columns.values).stream) == 20
    assert entropy_bits(frequencies(ICPR)) / 25 == pytest.approx(1.64151, abs=5e-6)


def test_a_textbook_code() -> None:
    occurring = [45, 13, 12, 16, 9, 5]
    assert stream_bits(occurring) == 224
    assert [0, *code_lengths(occurring)] == [0, 1, 0, 3, 2]


counts = st.lists(st.integers(1, 400), min_size=2, max_size=40)


@settings(deadline=None, max_examples=25)
@given(counts)
def test_a_huffman_code_is_optimal_and_complete(occurring: list[int]) -> None:
    heap, merged = sorted(occurring), 0
    while len(heap) > 1:
        pair = heapq.heappop(heap) + heapq.heappop(heap)
        heapq.heappush(heap, pair)
        merged += pair
    assert stream_bits(occurring) == merged
    lengths = code_lengths(occurring)
    assert sum(n * 2 ** (len(lengths) - at) for at, n in enumerate(lengths, 1)) == 2 ** len(lengths)
    entries_ = sum(occurring)
    assert merged >= entries_
    assert entropy_bits(occurring) <= merged * (1 + 1e-12)
    assert merged < entropy_bits(occurring) + entries_
    words = np.repeat(np.arange(len(occurring), dtype=np.uint32), occurring)
    assert len(huffman.code(words).stream) == merged


@settings(deadline=None, max_examples=25)
@given(tensors().filter(lambda tensor: form_of(tensor).coded))
def test_formulas_are_what_payloads_take(tensor: Tensor) -> None:
    form, words = form_of(tensor), to_words(tensor)
    word, n, m = 8 * form.word.itemsize, form.rows, form.columns
    every, nonzero = frequencies(tensor), np.unique(words[words != 0], return_counts=True)[1]
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
        assert len(payload(tensor, codec)) == -(-formula // 8)
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
    assert len(payload(tensor, "ham")) == len(payload(shuffled, "ham"))


@pytest.mark.parametrize("codec", ["ham", "sham", "sham_tight", "csc", "index_map", "range"])
def test_a_scaled_matrix_takes_as_much(codec: str) -> None:
    assert len(payload(ICPR, codec)) == len(payload(-0.3 * ICPR + 0.0, codec))


def test_the_range_coder_reaches_the_entropy_and_huffman_its_floor() -> None:
    tensor = skewed()
    ideal = entropy_bits(frequencies(tensor)) / 8
    tables = 4 + 65 * 4 + 64 + 3  # k, codebook, frequencies
    assert ideal <= len(payload(tensor, "range")) <= 1.001 * ideal + tables + 8
    assert len(payload(tensor, "ham")) > tensor.numel() / 8 > 1.05 * ideal


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


def test_the_widths_of_whole_bytes() -> None:
    widths = {0: 8, 255: 8, 256: 16, 65535: 16, 65536: 32, 2**32 - 1: 32}
    assert {largest: padded_bits(largest) for largest in widths} == widths
    with pytest.raises(TropnncError, match=r"accepted are fewer than 2\^32"):
        padded_bits(2**32)


def test_a_codeword_longer_than_bitarray_decodes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huffman, "_LONGEST", 4)
    for longest in (4, 5):  # occurrences 1, 1, 2, 4, …: the two rarest have the longest
        occurring = [1, *(2**place for place in range(longest))]
        words = np.repeat(np.arange(longest + 1, dtype=np.uint32), occurring)
        if longest == 4:
            assert len(huffman.code(words).lengths) == 4
        else:
            with pytest.raises(TropnncError, match="a codeword of 5 bits; accepted are 4"):
                huffman.code(words)
