"""One tensor of a file to bytes and back: coded, or tied to an earlier one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.varints import write_varint
from tropnnc.storage.codecs import CODECS, TIED, encode_tensor
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, form_of, from_words, to_words
from tropnnc.storage.header import Entry

# Address, strides and form: two tensors that agree in them are one.
Memory = tuple[int, tuple[int, ...], Form]
# Whatever a decoder may raise on bytes that no encoder wrote.
_UNDECODABLE = (
    ValueError, IndexError, TypeError, AssertionError, OverflowError, MemoryError, RuntimeError,
)  # fmt: skip


def encode_entry(
    name: str, tensor: Tensor, codec: str, seen: dict[Memory, int]
) -> tuple[Entry, bytes]:
    """What the header lists of ``tensor``, and its bytes.

    Args:
        name: in the state dict.
        tensor: of a form that is stored.
        codec: one of ``codec_names()``.
        seen: the numbers of the memories that came before it, to which its own is added.

    Raises:
        TropnncError: the tensor is not stored, or not by this codec.
    """
    try:
        _check_entry(name, tensor)
        form = form_of(tensor)
        number = len(seen)
        first = seen.setdefault((tensor.data_ptr(), tensor.stride(), form), number)
        if first < number:
            data = write_varint(first)
            return Entry(name, form, TIED, len(data)), data
        used, data = encode_tensor(to_words(tensor), form, codec)
    except TropnncError as error:
        raise TropnncError(f"{name}: {error}") from error
    return Entry(name, form, used, len(data)), data


def decode_entry(entry: Entry, data: bytes, untied: Sequence[Tensor]) -> Tensor:
    """The tensor of :func:`encode_entry`.

    Args:
        entry: what the header lists.
        data: its bytes.
        untied: the earlier tensors of the file, those left out that are tied to others.

    Raises:
        TropnncError: the bytes are no such tensor.
    """
    try:
        if entry.codec == TIED:
            return _same_form(untied[Cursor(data).varint()], entry.form)
        return from_words(CODECS[entry.codec].decode(data, entry.form), entry.form)
    except _UNDECODABLE as error:
        said = str(error).strip().partition("\n")[0]
        raise TropnncError(f"{entry.name}: not readable as {entry.codec}: {said}") from error


def _check_entry(name: object, tensor: object) -> None:
    if not isinstance(name, str):
        raise TropnncError(f"a name of type {type(name).__name__}; accepted are texts")
    if not isinstance(tensor, Tensor):  # what a module's get_extra_state returns
        raise TropnncError(f"{type(tensor).__name__} is not stored; accepted are tensors")


def _same_form(tensor: Tensor, form: Form) -> Tensor:
    if form_of(tensor) != form:
        raise TropnncError(f"damaged: a tensor of {tuple(tensor.shape)}, not {form.shape}")
    return tensor
