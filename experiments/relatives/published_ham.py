"""The published sizes of HAM, computed again: why they are twice what the streams take.

Marinò et al., ICPR 2020, Tables I–III (relatives.md, A1): bytes over those of dense float32, of the
three fully connected layers of VGG19. Their script counts 16 bytes for a word of 64 bits, which has
8; what is left of the difference is rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tropnnc.storage.packing import bits_for, padded_bits
from tropnnc.storage.sizes import csc_bits, ham_bits

# Inputs and outputs of the layers, the same for both data sets.
LAYERS = ((512, 4096), (4096, 4096), (4096, 10))
WORD, SCRIPT_WORD, SCRIPT_WORD_BYTES = 32, 64, 16
# Bytes of the script's dictionary for a value beside one for every bit of its codeword.
DICTIONARY_BYTES = 1 + 4 + 8


@dataclass(frozen=True)
class Row:
    """One configuration: bytes over those of dense float32.

    Attributes:
        configuration: data, method, share pruned in percent if any, distinct values by layer.
        form: ``ham`` or ``csc``.
        published: as printed.
        counted: as the script of 2020 counts (``csc``: as the paper's formula does).
        true: by ``tropnnc.storage.sizes``.
    """

    configuration: str
    form: Literal["ham", "csc"]
    published: float
    counted: float
    true: float

    @property
    def explained(self) -> bool:
        """Whether the script's way of counting gives what was printed, to 2 % or a last digit."""
        return agrees(self.counted, self.published)


def agrees(size: float, published: float) -> bool:
    """To 2 % or a last digit."""
    return abs(size - published) <= max(0.02 * published, 0.0005)


def rows() -> tuple[Row, ...]:
    """The configurations whose size follows from their numbers alone.

    k values of equal frequency have codewords of log2 k bits. Where weights are pruned *and* shared
    the frequencies are needed, which are not published.
    """
    shared = {
        "CIFAR-10, WS 2-2-32": ((2, 2, 32), 0.063),
        "CIFAR-10, PQ 32-2-32": ((32, 2, 32), 0.091),
        "CIFAR-10, 1024-1024-2": ((1024, 1024, 2), 0.625),
        "MNIST, WS 128-2-32": ((128, 2, 32), 0.104),
        "MNIST, PQ 1024-2-32": ((1024, 2, 32), 0.126),
    }
    pruned = {"CIFAR-10, Pr 99": (99, 0.02), "MNIST, Pr 97": (97, 0.06)}
    return (
        *(Row(name, "ham", size, _script(k), _ham(k)) for name, (k, size) in shared.items()),
        *(Row(name, "csc", size, _paper_csc(p), _csc(p)) for name, (p, size) in pruned.items()),
    )


def sham_indices(percent: float) -> float:
    """What row indices and column starts alone take of dense, in sHAM with so much pruned."""
    bits = sum(q * padded_bits(n) + (m + 1) * padded_bits(q) for n, m, q in _kept(percent))
    return bits / _dense()


def _script(distinct: tuple[int, ...]) -> float:
    """Words of 64 bits as 16 bytes each, and the dictionaries."""
    size = 0
    for (n, m), k in zip(LAYERS, distinct, strict=True):
        words = -(-n * m * bits_for(k) // SCRIPT_WORD)
        size += words * SCRIPT_WORD_BYTES + k * (bits_for(k) + DICTIONARY_BYTES)
    return 8 * size / _dense()


def _ham(distinct: tuple[int, ...]) -> float:
    layers = zip(LAYERS, distinct, strict=True)
    return sum(ham_bits(np.full(k, n * m // k)) for (n, m), k in layers) / _dense()


def _paper_csc(percent: float) -> float:
    """ψ_CSC = (2q + m + 1)/(nm): indices of 32 bits."""
    return WORD * sum(2 * q + m + 1 for _, m, q in _kept(percent)) / _dense()


def _csc(percent: float) -> float:
    return sum(csc_bits(q, n, m) for n, m, q in _kept(percent)) / _dense()


def _kept(percent: float) -> list[tuple[int, int, int]]:
    """Inputs, outputs and nonzeros of every layer."""
    return [(n, m, round(n * m * (1 - percent / 100))) for n, m in LAYERS]


def _dense() -> int:
    return WORD * sum(n * m for n, m in LAYERS)
