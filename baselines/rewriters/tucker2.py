"""Tucker-2 of a kernel: 1 × 1, k × k and 1 × 1 convolutions, relatives.md B.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from tensorly.backend import BackendManager
from tensorly.decomposition import partial_tucker
from torch import Tensor, nn

from baselines.rewriters.accepted import check_layer, words
from baselines.rewriters.contracted import ContractedConv, Network
from baselines.rewriters.execution import stored
from baselines.rewriters.geometry import POINT, Geometry
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ranks import Ranks, select_ranks
from baselines.rewriters.svd import SvdChannel
from baselines.rewriters.trains import balanced

SWEEPS, TOLERANCE = 100, 1e-5  # of the higher-order orthogonal iteration


@dataclass(frozen=True)
class Tucker2:
    """Channels of both sides in bases of their own; a Linear or a 1 × 1 kernel has its SVD."""

    version = 1

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """HOOI at the ranks (R_C, R_O) of one threshold over both unfoldings.

        Raises:
            UnsupportedLayer: ranks of one do not fit, or a grouped or oddly padded convolution.
        """
        check_layer(layer)
        if isinstance(layer, nn.Linear) or prod(layer.kernel_size) == 1:
            return SvdChannel().rewrite(layer, budget)
        ranks = tucker_ranks(layer.weight, words(budget))
        cores = [core.to(layer.weight) for core in balanced(hooi(layer.weight, ranks))]
        whole = Geometry.of(layer)
        module = ContractedConv(
            cores,
            Network(("rcxy", "srhw", "osxy"), "o", "chw"),
            layer.bias,
            layer.weight.shape,
            whole,
            (POINT, whole, POINT),
        )
        return stored(layer, module, ranks=list(ranks))


def tucker_ranks(kernel: Tensor, budget: int) -> Ranks:
    """(R_C, R_O) of a ``kernel`` O × C × kh × kw with at most ``budget`` parameters.

    Raises:
        UnsupportedLayer: ranks of one do not fit.
    """
    exact = kernel.detach().double()
    spectra = [torch.linalg.svdvals(exact.transpose(0, mode).flatten(1)) for mode in (1, 0)]
    area = prod(kernel.shape[2:])
    return select_ranks(
        spectra,
        lambda ranks: tucker_parameters(kernel.shape, ranks),
        budget,
        lambda ranks: (min(ranks[0], area * ranks[1]), min(ranks[1], area * ranks[0])),
    )


def tucker_parameters(shape: Sequence[int], ranks: Ranks) -> int:
    """``C·R_C + kh·kw·R_C·R_O + R_O·O`` of a kernel of ``shape`` O × C × kh × kw."""
    outputs, channels, height, width = shape
    inner, outer = ranks
    return channels * inner + height * width * inner * outer + outer * outputs


def hooi(kernel: Tensor, ranks: Ranks) -> list[Tensor]:
    """Kernels R_C × C × 1 × 1, R_O × R_C × kh × kw and O × R_O × 1 × 1 of tensorly's HOOI.

    Args:
        kernel: O × C × kh × kw.
        ranks: (R_C, R_O).
    """
    exact = kernel.detach().double().cpu().numpy()
    with BackendManager.backend_context("numpy", local_threadsafe=True):
        (core, (outer, inner)), _ = partial_tucker(
            exact, rank=ranks[::-1], modes=[0, 1], n_iter_max=SWEEPS, tol=TOLERANCE
        )
    first, middle, last = (torch.tensor(factor) for factor in (inner, core, outer))
    return [first.T[:, :, None, None], middle, last[:, :, None, None]]
