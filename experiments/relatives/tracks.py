"""Which series of the figures a cell belongs to."""

from __future__ import annotations

from typing import Any

from experiments.relatives.settings import Cell, spelt, spelt_budget

# In the order in which they are drawn and listed. Rewriters by their names.
FAMILIES = {
    "svd_channel": "SVD",
    "svd_spatial": "SVD",
    "tucker2": "Tucker-2",
    "tensor_train": "tensor train",
    "hierarchical_tucker": "hierarchical Tucker",
    "hybrid": "HT/TT hybrid",
    "tensor_ring": "tensor ring",
    "nonlinear_ring": "nonlinear ring",
    "low_rank_sparse": "low rank + sparse",
    "nm": "N:M",
    "bits": "M-bit",
}
DENSE, SMALL, WIDTH = "dense", "trained small", "width methods"
SHARED, COMBINED = "pruned, shared values", "width, then bits or sharing"
TRACKS = tuple(dict.fromkeys((DENSE, SMALL, WIDTH, *FAMILIES.values(), SHARED, COMBINED)))


def track_of(cell: Cell) -> str:
    """One of :data:`TRACKS`."""
    if cell.scratch:
        return SMALL
    stored = cell.rewriting is not None or cell.sharing is not None
    if cell.narrowing is not None:
        return COMBINED if stored else WIDTH
    if cell.sharing is not None:
        return SHARED
    return DENSE if cell.rewriting is None else FAMILIES[cell.rewriting.rewriter.name]


def names_of(cell: Cell) -> dict[str, Any]:
    """What a summary says about the settings of ``cell``."""
    rewriting, sharing = cell.rewriting, cell.sharing
    return {
        "network": cell.network,
        "track": track_of(cell),
        "width": cell.width,
        "rewriter": "" if rewriting is None else spelt(rewriting.rewriter),
        "budget": "" if rewriting is None else spelt_budget(rewriting.budget),
        "prune": 0.0 if sharing is None else sharing.percentile,
        "share": "" if sharing is None else sharing.codebook,
        "half": int(cell.half),
        "seed": cell.seed,
        "draw": cell.draw,
        "steps": cell.steps,
    }
