"""What the papers claim, as contrasts stated before any sweep: one file per family of claims."""

from experiments.relatives.claims.bits import BITS
from experiments.relatives.claims.formats import FORMATS
from experiments.relatives.claims.ring import RING
from experiments.relatives.claims.sparse import SPARSE
from experiments.relatives.claims.straight_through import STRAIGHT_THROUGH

CONTRASTS = (*FORMATS, *SPARSE, *RING, *STRAIGHT_THROUGH, *BITS)

__all__ = ["CONTRASTS"]
