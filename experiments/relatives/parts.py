"""Rewriters and schemes of weight sharing by their names in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from baselines.rewriters.protocol import Rewriter
from baselines.sharing.scheme import Scheme
from experiments.settings import Component
from tropnnc.errors import check_choice
from tropnnc.methods import call_factory

# Names in the configuration are those of modules; the class in each.
REWRITERS: Mapping[str, tuple[str, str]] = {
    "svd_channel": ("svd", "SvdChannel"),
    "svd_spatial": ("svd", "SvdSpatial"),
    "tucker2": ("tucker2", "Tucker2"),
    "tensor_train": ("tensor_train", "TensorTrain"),
    "hierarchical_tucker": ("hierarchical_tucker", "HierarchicalTucker"),
    "hybrid": ("hybrid", "Hybrid"),
    "tensor_ring": ("tensor_ring", "TensorRing"),
    "nonlinear_ring": ("nonlinear_ring", "NonlinearRing"),
    "low_rank_sparse": ("low_rank_sparse", "LowRankSparse"),
    "nm": ("nm", "Nm"),
    "bits": ("bits", "UniformBits"),
}
SCHEMES: Mapping[str, tuple[str, str]] = {
    "cws": ("cws", "Cws"),
    "pws": ("pws", "Pws"),
    "uq": ("uq", "Uq"),
    "ecsq": ("ecsq", "Ecsq"),
}


def make_rewriter(component: Component) -> Rewriter:
    """The rewriter of that name with these options.

    Raises:
        TropnncError: no such rewriter, or an option that it does not have.
    """
    return _made("rewriter", "baselines.rewriters", REWRITERS, component)


def make_scheme(component: Component) -> Scheme:
    """The scheme of weight sharing of that name with these options.

    Raises:
        TropnncError: no such scheme, or an option that it does not have.
    """
    return _made("share", "baselines.sharing", SCHEMES, component)


def _made(
    key: str, package: str, known: Mapping[str, tuple[str, str]], component: Component
) -> Any:
    check_choice(key, component.name, tuple(known))
    module, name = known[component.name]
    made = getattr(import_module(f"{package}.{module}"), name)
    return call_factory(f"{key} {component.name}", made, dict(component.options))
