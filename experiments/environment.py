"""What a record says about where it was made."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")


@cache
def environment() -> dict[str, str]:
    """Versions of what computes, of Python and of the platform."""
    return {
        **{name: version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
