"""Reading a payload from front to back, never past its end."""

from __future__ import annotations

from typing import Any

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.varints import read_varint


class Cursor:
    """What is left of ``data``; a declared length beyond it is an error, before any allocation."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes.

        Raises:
            TropnncError: there are fewer.
        """
        left = len(self._data) - self._at
        if not 0 <= count <= left:
            raise TropnncError(f"damaged: {count} bytes are declared, {left} are left")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """The next integer of :func:`tropnnc.indexcodec.varints.write_varint`."""
        number, self._at = read_varint(self._data, self._at)
        return number

    def integers(self, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """The next ``count`` integers, read-only."""
        return np.frombuffer(self.take(dtype.itemsize * count), dtype)

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(len(self._data) - self._at)

    def bits(self) -> bitarray:
        """All bits that are left, the first bit of a byte its most significant one."""
        return bitarray(self.rest(), endian="big")

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            TropnncError: something is.
        """
        left = len(self._data) - self._at
        if left:
            raise TropnncError(f"damaged: {left} bytes more than its entries take")
