"""A-priori error bounds, (B0) to (B6) of theory.md and one for every :class:`Reduction`.

They hold on the ball ``‖x‖ ≤ r`` of the unit's *input* (for a convolution: of every patch of it);
``ρ = √(1 + r²)`` then bounds ``u = (x, 1)``.
"""

from tropnnc.bounds.rows import Decomposition, decompose, nearest_mix
from tropnnc.bounds.unit import cluster_bound, direction_bound, neuron_bound, reduction_bound
from tropnnc.bounds.zonotope import (
    centroid_bound,
    check_radius,
    homogeneous_radius,
    inertia_bound,
    misiakos_bound,
    outputs_bound,
    polynomial_bound,
    simplex_bound,
)

__all__ = [
    "Decomposition",
    "centroid_bound",
    "check_radius",
    "cluster_bound",
    "decompose",
    "direction_bound",
    "homogeneous_radius",
    "inertia_bound",
    "misiakos_bound",
    "nearest_mix",
    "neuron_bound",
    "outputs_bound",
    "polynomial_bound",
    "reduction_bound",
    "simplex_bound",
]
