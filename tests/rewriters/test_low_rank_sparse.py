"""Low rank plus sparse as a rewriter and as a module."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.rewriters.low_rank_sparse import LowRankSparse, LowRankSparseLayer
from baselines.rewriters.protocol import Bits, Parameters, Rewriter, Rewritten, UnsupportedLayer
from tests.rewriters.small_layers import NAMES, images, layer, matrix
from tropnnc import TropnncError


def stored(rewritten: Rewritten) -> LowRankSparseLayer:
    assert isinstance(rewritten.module, LowRankSparseLayer)
    return rewritten.module


def whole(module: LowRankSparseLayer) -> Tensor:
    low = (module.left @ module.right).view(module.call.shape)
    return (low + module.sparse).detach()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_the_module_computes_the_layer_of_its_sum(name: str, share: float) -> None:
    own = layer(name)
    before = copy.deepcopy(own.state_dict())
    rewriter = LowRankSparse(shares=(share,))
    assert isinstance(rewriter, Rewriter)
    rewritten = rewriter.rewrite(own, Parameters(own.weight.numel() * 3 // 4))
    module, x = stored(rewritten), images(own)
    assert all(torch.equal(before[key], own.state_dict()[key]) for key in before)
    error = float((own.weight.detach() - whole(module)).norm() / own.weight.detach().norm())
    assert error == pytest.approx(rewritten.facts["relative_error"], abs=1e-6)
    with torch.no_grad():
        own.weight.copy_(whole(module))
    torch.testing.assert_close(module(x), own(x), rtol=1e-5, atol=1e-5)


def test_bits_are_paid_and_within_the_budget() -> None:
    own = matrix(30, 50)
    for count in (60, 200, 700, 1499):
        rewritten = LowRankSparse(positions="entry").rewrite(own, Parameters(count))
        rank, nonzeros = rewritten.facts["rank"], rewritten.facts["nonzeros"]
        assert rewritten.bits == 32 * rank * 80 + nonzeros * (32 + 11)
        assert rewritten.bits <= 32 * count
        assert rewritten.facts["formal_macs"] == rank * 80 + nonzeros


def test_the_scan_keeps_the_smallest_error() -> None:
    own, budget = matrix(30, 50, seed=3), Parameters(600)
    scan = LowRankSparse()
    each = [replace(scan, shares=(share,)).rewrite(own, budget) for share in scan.shares]
    errors = [one.facts["relative_error"] for one in each]
    best = scan.rewrite(own, budget)
    assert best.facts["relative_error"] == min(errors)
    assert best.facts["share"] == scan.shares[int(np.argmin(errors))]


def test_the_ends_of_the_scan_are_pruning_and_svd() -> None:
    own, budget = matrix(30, 50, seed=4), Parameters(700)
    pruned = stored(LowRankSparse(shares=(0.0,)).rewrite(own, budget))
    weight = own.weight.detach()
    threshold = weight.abs().flatten().sort().values[-len(pruned.values)]
    assert torch.equal(pruned.sparse, weight * (weight.abs() >= threshold))
    svd = LowRankSparse(shares=(1.0,)).rewrite(own, budget)
    tail = torch.linalg.svdvals(weight.double())[700 // 80 :]
    assert svd.facts["nonzeros"] == 0
    expected = float(tail.norm() / weight.double().norm())
    assert svd.facts["relative_error"] == pytest.approx(expected, rel=1e-6)


def test_the_state_is_what_is_stored() -> None:
    own = matrix(40, 600)
    few = stored(LowRankSparse(shares=(0.5,)).rewrite(own, Parameters(1400)))
    assert set(few.state_dict()) == {"left", "right", "values", "gaps", "bias"}
    assert few.gaps.dtype == torch.int16  # a handful of entries far apart
    many = stored(LowRankSparse(shares=(0.5,)).rewrite(own, Parameters(12_000)))
    assert many.gaps.dtype == torch.uint8
    positions = many.gaps.long().cumsum(0)
    assert torch.equal(positions, many.sparse.detach().flatten().nonzero()[:, 0])


def test_training_moves_the_factors_and_no_zero() -> None:
    own = matrix(30, 50)
    module = stored(LowRankSparse(shares=(0.5,)).rewrite(own, Parameters(700)))
    before = [p.detach().clone() for p in module.parameters()]
    zeros = module.sparse == 0
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        module(images(own)).square().sum().backward()
        optimizer.step()
    assert all((p != b).any() for p, b in zip(module.parameters(), before, strict=True))
    assert torch.equal(module.sparse == 0, zeros)


def test_refusals() -> None:
    with pytest.raises(UnsupportedLayer, match="grouped convolution"):
        LowRankSparse().rewrite(layer("grouped"), Parameters(50))
    with pytest.raises(UnsupportedLayer, match="budget of Bits is not accepted"):
        LowRankSparse().rewrite(layer("linear"), Bits(4))
    with pytest.raises(UnsupportedLayer, match="0 words holds neither a rank nor an entry"):
        LowRankSparse().rewrite(layer("linear"), Parameters(0))
    with pytest.raises(UnsupportedLayer, match="-99 words holds neither a rank nor an entry"):
        LowRankSparse().rewrite(layer("linear"), Parameters(-99))
    with pytest.raises(TropnncError, match="unknown positions 'rle'"):
        LowRankSparse(positions="rle")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="sweeps = 0 is out of range"):
        LowRankSparse(sweeps=0)


@pytest.mark.parametrize("shares", [(), (0.5, 1.5), (-0.1,), (float("nan"),)])
def test_shares_of_more_than_the_budget_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(TropnncError, match="accepted are some from 0 to 1"):
        LowRankSparse(shares=shares)
