"""How wide each unit becomes."""

from tropnnc.allocation.named import allocator_names, make_allocator, stated_options
from tropnnc.allocation.uniform import Uniform, check_ratio, kept_neurons

__all__ = [
    "Uniform",
    "allocator_names",
    "check_ratio",
    "kept_neurons",
    "make_allocator",
    "stated_options",
]
