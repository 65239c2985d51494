"""Structured compression of ReLU networks by tropical geometry."""

from tropnnc.allocation import kept_neurons, make_allocator
from tropnnc.certification import Certificate, certify
from tropnnc.compression import compress, inspect
from tropnnc.errors import TropnncError
from tropnnc.files import load_compressed, save_compressed
from tropnnc.methods import make_method, method_names
from tropnnc.protocols import Allocator, Reducer
from tropnnc.reduction import Reduction
from tropnnc.report import Report
from tropnnc.unit import Calibration, Pixels, Point, Tier, Unit

# Bumped by hand whenever graph, surgery or folding change what a compression returns.
LIBRARY_VERSION = 1

__all__ = [
    "LIBRARY_VERSION",
    "Allocator",
    "Calibration",
    "Certificate",
    "Pixels",
    "Point",
    "Reducer",
    "Reduction",
    "Report",
    "Tier",
    "TropnncError",
    "Unit",
    "certify",
    "compress",
    "inspect",
    "kept_neurons",
    "load_compressed",
    "make_allocator",
    "make_method",
    "method_names",
    "save_compressed",
]
