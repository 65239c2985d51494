"""Methods put together from a front end, a source of moments, a compensation and a repair."""

from tropnnc.composition.composed import Composed
from tropnnc.composition.presets import (
    composed,
    gaussian_ls,
    grail,
    sequential_ls,
    synthetic_ls,
    tropnnc_gaussian,
    tropnnc_synthetic,
)

__all__ = [
    "Composed",
    "composed",
    "gaussian_ls",
    "grail",
    "sequential_ls",
    "synthetic_ls",
    "tropnnc_gaussian",
    "tropnnc_synthetic",
]
