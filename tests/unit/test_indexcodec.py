"""Lossless index codecs: golden lengths, every set comes back, damaged data are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tropnnc.errors import TropnncError
from tropnnc.indexcodec import decode, encode, index_codec_names, smallest
from tropnnc.indexcodec.bits import pack
from tropnnc.indexcodec.prefix import best_low, delta_bits, gamma_bits, rice_bits
from tropnnc.unit import IntArray

CODECS = index_codec_names()
ASCENDING = st.integers(0, 300).flatmap(
    lambda n: st.tuples(st.sets(st.integers(0, n - 1)) if n else st.just(set()), st.just(n))
)
SPARSE = st.sets(st.integers(0, 2**31 - 1), min_size=1, max_size=40)


def positions(chosen: set[int]) -> IntArray:
    return np.array(sorted(chosen), dtype=np.int64)


def random_set(n: int, count: int, seed: int = 0) -> IntArray:
    return np.sort(np.random.default_rng(seed).choice(n, count, replace=False))


def assert_comes_back(indices: IntArray, n: int, data: bytes) -> None:
    decoded, total = decode(data)
    assert total == n
    assert decoded.dtype == np.int64
    np.testing.assert_array_equal(decoded, indices)


def test_codewords_are_those_of_the_specification() -> None:
    gaps = np.array([0, 3, 3, 15])
    assert "".join(map(str, gamma_bits(gaps))) == "1" + "00100" * 2 + "000010000"
    assert "".join(map(str, delta_bits(gaps))) == "1" + "01100" * 2 + "001010000"
    assert "".join(map(str, rice_bits(gaps, 2))) == "100" + "111" * 2 + "000111"
    assert best_low(gaps) == 2


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=25, deadline=None)
@given(drawn=ASCENDING)
def test_every_set_comes_back(codec: str, drawn: tuple[set[int], int]) -> None:
    chosen, n = drawn
    assert_comes_back(positions(chosen), n, encode(positions(chosen), n, codec))


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "bitmap"])
@settings(max_examples=25, deadline=None)
@given(chosen=SPARSE)
def test_a_few_far_apart_come_back(codec: str, chosen: set[int]) -> None:
    assert_comes_back(positions(chosen), 2**31, encode(positions(chosen), 2**31, codec))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("n", "count"), [(0, 0), (1, 0), (1, 1), (2, 1), (257, 0), (9000, 9000)])
def test_none_all_and_one(codec: str, n: int, count: int) -> None:
    assert_comes_back(np.arange(count), n, encode(np.arange(count), n, codec))


def test_a_set_of_n_below_2_to_the_48_comes_back() -> None:
    far = np.array([0, 2**47])
    for codec in set(CODECS) - {"raw32", "bitmap"}:
        assert_comes_back(far, 2**48 - 1, encode(far, 2**48 - 1, codec))


@pytest.mark.parametrize(
    ("codec", "size"),
    [("raw32", 10_788), ("packed", 6_406), ("bitmap", 33_716)],
)
def test_sizes_of_fixed_width_are_their_formulas(codec: str, size: int) -> None:
    header = 1 + 3 + 2  # tag, n = 269,722, k = 2,697
    assert len(encode(random_set(269_722, 2_697), 269_722, codec)) == header + size


def test_gap_codes_of_a_uniform_set_are_near_the_bound() -> None:
    bound = 2_723  # log2 C(269,722, 2,697) in bytes, relatives.md C2
    indices = random_set(269_722, 2_697)
    sizes = {codec: len(encode(indices, 269_722, codec)) for codec in ("rice", "range")}
    assert bound * 0.99 < sizes["range"] < bound * 1.01
    assert bound * 0.99 < sizes["rice"] < bound * 1.04


@pytest.mark.parametrize(("n", "count"), [(1, 1), (500, 0), (500, 5), (500, 250), (500, 500)])
def test_smallest_is_the_minimum(n: int, count: int) -> None:
    indices = random_set(n, count)
    data = smallest(indices, n)
    assert len(data) == min(len(encode(indices, n, codec)) for codec in CODECS)
    assert_comes_back(indices, n, data)


def test_smallest_makes_no_bitmap_of_a_large_n() -> None:
    assert len(smallest(np.array([5]), 2**47)) < 20


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damaged_data_are_refused_or_another_set(codec: str, data: st.DataObject) -> None:
    whole = bytearray(encode(random_set(400, 60), 400, codec))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    _assert_refused_or_valid(bytes(whole))


@pytest.mark.parametrize("codec", CODECS)
def test_a_truncated_or_lengthened_set_is_refused(codec: str) -> None:
    whole = encode(random_set(400, 60), 400, codec)
    for cut in range(len(whole)):
        with pytest.raises(TropnncError, match=r"^damaged"):
            decode(whole[:cut])
    with pytest.raises(TropnncError, match="damaged index set"):
        decode(whole + b"\0\0\0\0")


def test_a_gap_of_more_bits_than_a_number_has_is_refused() -> None:
    for bits in (63, 64, 200):
        header = encode(np.array([5]), 9, "gamma")[:3]
        data = header + pack(np.array([*[0] * (bits - 1), 1, *[0] * (bits - 1)], dtype=np.uint8))
        with pytest.raises(TropnncError, match="a gap out of range" if bits == 63 else "64|200"):
            decode(data)


def test_a_quotient_that_no_number_holds_is_refused() -> None:
    header = encode(np.array([5]), 9, "rice")[:3]
    bits = np.array([*[0] * 4, 1, *[0] * 62], dtype=np.uint8)  # 4 · 2^62, which is 0 in 64 bits
    with pytest.raises(TropnncError, match="a gap of more than 63 bits"):
        decode(header + bytes([62]) + pack(bits))


def test_n_may_be_a_number_of_numpy() -> None:
    far = np.array([3, 2**31])
    for codec in CODECS[1:2] + CODECS[3:]:  # raw32 and bitmaps are of a smaller n
        assert encode(far, np.int64(2**40), codec) == encode(far, 2**40, codec)  # pyright: ignore[reportArgumentType]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=40))
def test_noise_is_refused_or_a_set(data: bytes) -> None:
    _assert_refused_or_valid(data)


def _assert_refused_or_valid(data: bytes) -> None:
    try:
        indices, n = decode(data)
    except TropnncError:
        return
    assert len(indices) <= 8 * 1024 * len(data)
    assert not len(indices) or (indices[0] >= 0 and indices[-1] < n)
    assert (np.diff(indices) > 0).all()


@pytest.mark.parametrize(
    ("indices", "n"),
    [([3, 3], 5), ([3, 2], 5), ([-1, 2], 5), ([5], 5), ([0.5], 5), ([[1]], 5), ([0], 2**48)],
)
def test_what_is_no_set_is_refused(indices: list[int], n: int) -> None:
    with pytest.raises(TropnncError, match="accepted"):
        encode(np.array(indices), n, "packed")


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(TropnncError, match="unknown index codec 'zip'"):
        encode(np.array([1]), 5, "zip")
    with pytest.raises(TropnncError, match="raw32 has no room"):
        encode(np.array([1]), 2**33, "raw32")
