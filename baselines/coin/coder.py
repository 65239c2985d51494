"""A range coder by one histogram of the training latents' symbols; bytes are really written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import constriction
import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.unit import IntArray

WORD = 4  # bytes of a word of the coder's
_stream: Any = cast(Any, constriction).stream  # compiled, without types


@dataclass(frozen=True, eq=False)
class EntropyCoder:
    """Symbols to bytes and back.

    Attributes:
        counts: of every symbol among those of **training** images, at least 1.
    """

    counts: IntArray

    def encode(self, symbols: IntArray) -> bytes:
        """One stream of all ``symbols``; zeros at its end are implied."""
        coder = _stream.queue.RangeEncoder()
        coder.encode(np.ascontiguousarray(symbols.ravel(), np.int32), self._model())
        return coder.get_compressed().astype(">u4").tobytes().rstrip(b"\0")

    def decode(self, data: bytes, count: int) -> IntArray:
        """The ``count`` symbols of a stream.

        Raises:
            TropnncError: nothing that :meth:`encode` writes.
        """
        padded = data + bytes(-len(data) % WORD)
        words = np.frombuffer(padded, ">u4").astype(np.uint32)
        try:
            return _stream.queue.RangeDecoder(words).decode(self._model(), count).astype(np.int64)
        except (AssertionError, ValueError) as error:
            raise TropnncError(f"{len(data)} bytes do not decode to {count} symbols") from error

    def cross_entropy(self, symbols: IntArray) -> float:
        """Bits that ``symbols`` cost by the histogram, which is what a perfect coder needs."""
        return float(-np.log2(self._shares()[symbols.ravel()]).sum())

    def _shares(self) -> np.ndarray:
        return self.counts / self.counts.sum()

    def _model(self) -> Any:
        return _stream.model.Categorical(self._shares().astype(np.float64), perfect=False)


def fit_coder(symbols: IntArray, levels: int) -> EntropyCoder:
    """The coder by the histogram of training ``symbols``, whose empty bins count 1."""
    counts = np.bincount(symbols.ravel(), minlength=levels)
    return EntropyCoder(np.maximum(counts, 1))
