"""Files of stored weights: small, and nothing is read from a damaged or forged one."""

from __future__ import annotations

import hashlib
import json
import zlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.networks import build
from tests.storage.tensors import ICPR, bit_equal
from tropnnc import TropnncError
from tropnnc.storage import codec_names, container, entries, header, restore, store
from tropnnc.storage.codecs import CODECS
from tropnnc.storage.container import MAGIC, PREAMBLE
from tropnnc.storage.form import form_of, to_words

NAMED = {"w": ICPR, "bias": torch.tensor([0.5, -0.0])}
START = PREAMBLE - 4


def _sealed(body: bytes, version: int = 1) -> bytes:
    """A file whose sha256 is that of its bytes, whatever they are."""
    return MAGIC + bytes([version]) + hashlib.sha256(body).digest() + body


def _forged(listed: object, payload: bytes = b"") -> bytes:
    header = zlib.compress(json.dumps(listed).encode())
    return _sealed(len(header).to_bytes(4, "little") + header + payload)


def _said(data: bytes) -> str:
    with pytest.raises(TropnncError) as caught:
        restore(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("codec", ["fp32", "ham", "range"])
def test_every_flipped_byte_is_noticed(codec: str) -> None:
    data = store(NAMED, codec)
    for place in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[place] ^= flip
            assert _said(bytes(damaged))


@pytest.mark.parametrize("codec", ["fp32", "sparse"])
def test_every_truncation_and_every_addition_is_noticed(codec: str) -> None:
    data = store(NAMED, codec)
    for length in range(len(data)):
        assert _said(data[:length])
    assert "sha256" in _said(data + b"\0")


@settings(deadline=None, max_examples=25)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
@pytest.mark.parametrize("codec", codec_names())
def test_damage_under_a_right_sha256_is_an_error_or_tensors(
    codec: str, place: int, flip: int
) -> None:
    body = bytearray(store({"w": (8 * ICPR).half().float()}, codec)[START:])
    body[place % len(body)] ^= flip
    try:
        read = restore(_sealed(bytes(body)))
    except TropnncError as error:
        assert "\n" not in str(error)  # noqa: PT017  (which of the two it is depends on the byte)
    else:
        assert all(isinstance(tensor, Tensor) for tensor in read.values())


HUGE = 1 << 40


FORGED = [
    (b"", "not a file of tropnnc store"),
    (b"PK\3\4" + bytes(99), "not a file of tropnnc store"),
    (_sealed(b"", 2), "format 2 of stored weights, accepted is 1"),
    (_sealed(b""), "4 bytes are declared, 0 are left"),
    (_sealed(b"\xff\xff\xff\xff"), "4294967295 bytes are declared, 0 are left"),
    (_sealed(b"\1\0\0\0x"), "its header lists no tensors"),
    (_forged({"w": 1}), "its header lists no tensors"),
    (_forged([["w", "complex64", [1], "fp32", 8]], bytes(8)), "its header lists no tensors"),
    (_forged([["w", "int8", [1], "zip", 1]], bytes(1)), "its header lists no tensors"),
    (_forged([["w", "int8", [-1], "fp32", 0]]), "its header lists no tensors"),
    (_forged([["w", "int8", [0.5], "fp32", 0]]), "its header lists no tensors"),
    (_forged([["w", "int8", [int("9" * 4000)] * 2, "fp32", 0]]), "its header lists no tensors"),
    (_forged([["w", "int8", [HUGE, HUGE], "fp32", 0]]), "its header lists no tensors"),
    (_forged([["w", "int8", [1] * 65, "fp32", 1]], bytes(1)), "its header lists no tensors"),
    (_sealed(b"\7\0\0\0" + zlib.compress(b"[]")[:7]), "its header lists no tensors"),
    (_forged([["w", "int8", [0], "fp32", 0]] * 2), "lists a tensor twice"),
    (_forged([["w", "int8", [1], "fp32", 9]], bytes(8)), "8 bytes of tensors are not"),
    (_forged([["w", "int8", [2], "fp32", 1]], bytes(1)), "w: not readable as fp32"),
    (_forged([["w", "int8", [1], "fp32", 2]], bytes(2)), "1 bytes more than its entries"),
    (_forged([["w", "int8", [HUGE, 0], "fp32", 0], ["v", "int8", [HUGE], "fp32", 0]]),
     f"{HUGE} bytes of tensors in"),
    (_forged([["w", "int8", [1, 2**30], "ham", 9]], b"\1\1\0\0\0\0\0\0\0"), "codewords in"),
    (_forged([["w", "int8", [1, 2**30], "csc", 3]], b"\1\0\xff"), "1020 bytes are declared"),
    (_forged([["w", "int8", [2**30, 1], "sham", 3]], b"\1\0\0"), "bytes are declared"),
    (_forged([["w", "int8", [1, 4], "range", 6]], b"\1\0\0\0\7\5"), "frequencies of other"),
    (_forged([["w", "int8", [1, 4], "range", 4]], bytes(4)), "without a codebook"),
    (_forged([["w", "int8", [1, 4], "csc", 4]], b"\1\0\1\4"), "1 bytes are declared"),
    (_forged([["w", "int8", [1, 4], "csc", 5]], b"\1\0\1\4\7"), "outside the matrix"),
    (_forged([["w", "int8", [2, 4], "csc", 6]], b"\1\0\2\1\0\7"), "outside the matrix"),
    (_forged([["w", "int8", [1], "tied", 1]], bytes(1)), "w: not readable as tied"),
    (_forged([["w", "int8", [1], "fp32", 1], ["v", "int8", [2**50], "tied", 1]], bytes(2)),
     "v: not readable as tied"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), FORGED, ids=range(len(FORGED)))
def test_a_forged_file_asks_for_nothing(data: bytes, said: str) -> None:
    assert said in _said(data)


def test_what_is_stored_stays_readable() -> None:
    """The format is fixed: a change of these digests is a new version."""
    form, words = form_of(ICPR), to_words(ICPR)
    digests = {
        name: hashlib.sha256(codec.encode(words, form)).hexdigest()[:8]
        for name, codec in CODECS.items()
    }
    assert digests == {
        "fp32": "e305b6c0", "fp16": "fd60c6b6", "csc": "75c227cc", "sparse": "e8e4d77d",
        "index_map": "51d877f2", "ham": "943a0e4e", "sham": "bec38425", "sham_tight": "a491b54d",
        "range": "d00afd50",
    }  # fmt: skip


def test_a_header_takes_few_bytes() -> None:
    state = build("resnet").state_dict()
    data = store(state, "fp32")
    payload = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    assert len(data) - payload < 100 + 20 * len(state)


def test_more_than_a_file_may_ask_for_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MODEST", 1000)
    zeros = torch.zeros(1000, 1000)
    with pytest.raises(TropnncError, match="4000000 bytes of tensors in"):
        store({"w": zeros}, "range")
    assert bit_equal(restore(store({"w": zeros}, "ham"))["w"], zeros)  # at least a bit an entry


def test_more_than_a_header_may_list_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "_MOST", len(b'[["w","float32",[5,5],"fp32",100]]'))
    assert bit_equal(restore(store({"w": ICPR}, "fp32"))["w"], ICPR)
    with pytest.raises(TropnncError, match="a header of 35 bytes; accepted are 34"):
        store({"w2": ICPR}, "fp32")


def test_tied_tensors_are_stored_once_and_tied_again() -> None:
    shared, alone = torch.rand(8, 9), torch.zeros(0, 2)
    named = {
        "a": shared, "none": alone, "b": shared, "turned": shared.T, "part": shared[:4],
        "bias": torch.zeros(3), "c": shared.detach(), "none_too": torch.zeros(0, 2),
    }  # fmt: skip
    data = store(named, "ham")
    used = {entry.name: entry.codec for entry in entries(data)}
    assert [name for name in named if used[name] == "tied"] == ["b", "c", "none_too"]
    back = restore(data)
    assert all(bit_equal(back[name], tensor) for name, tensor in named.items())
    assert back["a"] is back["b"] is back["c"]
    assert store(back, "ham") == data


def test_what_a_file_lists() -> None:
    assert [(e.name, e.codec, e.form.shape) for e in entries(store(NAMED, "ham"))] == [
        ("w", "ham", (5, 5)), ("bias", "fp32", (2,)),
    ]  # fmt: skip
