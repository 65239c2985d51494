"""Find the units of a network with torch.fx, and say why each other layer is left alone."""

from tropnnc.graph.discover import discover
from tropnnc.graph.meta import run_on_meta
from tropnnc.graph.structure import LeftAlone, Link, Site, Structure
from tropnnc.graph.trace import Example, as_inputs

__all__ = [
    "Example",
    "LeftAlone",
    "Link",
    "Site",
    "Structure",
    "as_inputs",
    "discover",
    "run_on_meta",
]
