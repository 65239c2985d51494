"""Certified Lipschitz constants (ℓ2 → ℓ2) of the linear and pooling layers."""

from tropnnc.lipschitz.convolution import (
    POINT,
    Torus,
    expand_groups,
    operator_norm,
    row_norms,
    torus_for,
)
from tropnnc.lipschitz.pooling import adaptive_avg_pool, adaptive_max_pool, avg_pool, max_pool
from tropnnc.lipschitz.spectral import spectral_norm

__all__ = [
    "POINT",
    "Torus",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "avg_pool",
    "expand_groups",
    "max_pool",
    "operator_norm",
    "row_norms",
    "spectral_norm",
    "torus_for",
]
