"""Start faster. Imports no torch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """Imports and compositions create much and drop little: a fifth faster without collecting."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
