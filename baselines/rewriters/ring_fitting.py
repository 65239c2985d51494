"""The ring of a tensor within a number of parameters: its first mode and its ranks.

One threshold gives all ranks (relatives.md B.0), of either of two lists of singular values: those
of TR-SVD's own SVDs, or those of the cuts of a train. The first misses less at half the parameters
of a matrix, the second at a twentieth; the better is kept (ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from baselines.rewriters import ring
from baselines.rewriters.protocol import UnsupportedLayer
from baselines.rewriters.ranks import select_ranks
from baselines.rewriters.ring import Cores, Ranks
from baselines.rewriters.trains import cut_spectra


@dataclass(frozen=True, eq=False)
class Fit:
    """A ring.

    Attributes:
        cores: in the tensor's order of modes, float64.
        first: the mode that TR-SVD began with.
        error: Frobenius norm of what is missed.
    """

    cores: Cores
    first: int
    error: float


def fitted(tensor: Tensor, r0: int, budget: int, first: Iterable[int]) -> Fit:
    """TR-SVD from each of some modes, of which the one that misses least is kept.

    ``r_0`` is the rank on the first mode's left. To try all cyclic shifts, at the same budget, is
    after the idea of RSDTR, arXiv 2405.10802, relatives.md B.3.

    Args:
        tensor: ``[n_1, …, n_d]``.
        r0: 1 and more.
        budget: parameters at most.
        first: modes to begin with.

    Raises:
        UnsupportedLayer: no ring of that ``r_0`` fits.
    """
    tensor = tensor.detach().double()
    shape, fits = tuple(tensor.shape), []
    refusals = [UnsupportedLayer(f"no first mode of {shape} has r_0 = {r0}")]
    for shift in first:
        turned = ring.moved(tensor, shift)
        if min(turned.shape[0], turned[0].numel()) >= r0:
            try:
                fits += _from(turned, r0, budget, shift)
            except UnsupportedLayer as refusal:
                refusals.append(refusal)
    if not fits:
        raise refusals[-1]
    return min(fits, key=lambda fit: fit.error)


def ring_ranks(spectra: Sequence[Tensor], sizes: Sequence[int], r0: int, budget: int) -> Ranks:
    """``r_0 … r_{d−1}`` by one threshold.

    Args:
        spectra: singular values that speak of ``r_0 r_1``, ``r_2``, …, ``r_{d−1}``.
        sizes: ``n_1 … n_d``.
        r0: 1 and more.
        budget: parameters at most.

    Raises:
        UnsupportedLayer: the other ranks of one do not fit.
    """
    return select_ranks(
        spectra,
        lambda ranks: ring.parameters(ranks, sizes),
        budget,
        lambda counts: ring.clip(counts, r0, sizes),
    )


def _from(turned: Tensor, r0: int, budget: int, first: int) -> list[Fit]:
    """Rings of a tensor whose first ``first`` modes were moved behind the others."""
    back = turned.ndim - first
    lists = ring.cut_values(turned, r0), cut_spectra(turned)
    fits = []
    for ranks in {ring_ranks(spectra, turned.shape, r0, budget) for spectra in lists}:
        cores = ring.ring_svd(turned, ranks)
        error = float((turned - ring.full(cores)).norm())
        fits.append(Fit((*cores[back:], *cores[:back]), first, error))
    return fits
