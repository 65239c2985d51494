"""Rewriters by their names in the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from baselines.rewriters.protocol import Rewriter
from experiments.relatives.settings import spelt
from experiments.settings import Component
from tropnnc.errors import TropnncError, check_choice

# Module of baselines.rewriters and class.
REWRITERS: Mapping[str, tuple[str, str]] = {
    "svd_channel": ("svd", "SvdChannel"),
    "svd_spatial": ("svd", "SvdSpatial"),
    "low_rank_sparse": ("low_rank_sparse", "LowRankSparse"),
    "n_m": ("nm", "Nm"),
    "m_bit": ("bits", "UniformBits"),
}


def make_rewriter(component: Component) -> Rewriter:
    """The rewriter of that name with these options.

    Raises:
        TropnncError: no such rewriter, or an option that it does not have.
    """
    check_choice("rewriter", component.name, tuple(REWRITERS))
    module, name = REWRITERS[component.name]
    made: Callable[..., Any] = getattr(import_module(f"baselines.rewriters.{module}"), name)
    try:
        return made(**dict(component.options))
    except TypeError as error:
        raise TropnncError(f"{spelt(component)}: {error}") from error
