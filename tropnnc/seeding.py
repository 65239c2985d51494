"""Seeds derived from a base seed and the axes they belong to."""

import hashlib

import numpy as np


def derive_seed(base: int, *axes: object) -> int:
    """A 63-bit seed that depends on ``base`` and on every axis, and on nothing else.

    Axes are compared by their ``repr``; the value is the same on every machine.
    """
    text = repr((int(base), *axes)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def derive_rng(base: int, *axes: object) -> np.random.Generator:
    """A NumPy generator seeded by :func:`derive_seed`."""
    return np.random.default_rng(derive_seed(base, *axes))
