"""Zonotopes, their Hausdorff distances, and the tropical polynomials they belong to."""

from tropnnc.geometry.bracket import bracket
from tropnnc.geometry.hausdorff import hausdorff, hausdorff_vertices
from tropnnc.geometry.interval import Interval
from tropnnc.geometry.tropical import positive_negative, tropical_polynomial
from tropnnc.geometry.zonotope import Zonotope

__all__ = [
    "Interval",
    "Zonotope",
    "bracket",
    "hausdorff",
    "hausdorff_vertices",
    "positive_negative",
    "tropical_polynomial",
]
