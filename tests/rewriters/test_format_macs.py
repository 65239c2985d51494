"""What the tensor formats execute: the multiply-adds of relatives.md B.1, as torch counts them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.rewriters.execution import macs_ratio, multiply_adds
from baselines.rewriters.protocol import Rewriter
from baselines.rewriters.svd import SvdChannel, SvdSpatial
from baselines.rewriters.tensor_train import TensorTrain
from baselines.rewriters.tucker2 import Tucker2
from tests.rewriters.formats import REWRITERS, rewritten

IN_TURN = {"hierarchical_split", "ring_split"}  # executed in turn whatever that takes


@pytest.mark.parametrize("name", [name for name in REWRITERS if name not in IN_TURN])
def test_cores_run_in_turn_where_that_takes_less(name: str) -> None:
    """A kernel is rebuilt elsewhere: in turn, three times its parameters would cost more."""
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 12, 3, stride=2, padding=1)
    for share in (0.3, 3.0):
        result, module = rewritten(REWRITERS[name], layer, share)
        ratio = macs_ratio(layer, module)
        assert ratio == result.facts["macs_ratio"]
        assert result.facts["storage_only"] == (ratio >= 1)
        assert ratio < 1.01  # rebuilding 864 weights is little beside 64 maps
        assert (ratio < 0.8) == (share < 1 and "merged" not in name)


def test_a_chains_multiply_adds() -> None:
    """relatives.md B.1 (a): C r₁ HW + kh r₁ r₂ H'W + kw r₂ r₃ H'W' + r₃ O H'W'."""
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result, module = rewritten(TensorTrain(), layer, 0.2)
    r1, r2, r3 = result.facts["ranks"]
    expected = 16 * r1 * 256 + 3 * r1 * r2 * 8 * 16 + 3 * r2 * r3 * 64 + r3 * 24 * 64
    assert multiply_adds(module, (4, 16, 16, 16)) == expected


def test_tucker_multiply_adds() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result, module = rewritten(Tucker2(), layer, 0.2)
    inner, outer = result.facts["ranks"]
    expected = 16 * inner * 256 + 9 * inner * outer * 64 + outer * 24 * 64
    assert multiply_adds(module, (4, 16, 16, 16)) == expected


@pytest.mark.parametrize(("rewriter", "side"), [(SvdChannel(), 64), (SvdSpatial(), 128)])
def test_multiply_adds_of_an_svd(rewriter: Rewriter, side: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result, module = rewritten(rewriter, layer, 0.2)
    [rank] = result.facts["ranks"]
    first = 16 * (9 if side == 64 else 3) * side
    second = 24 * (1 if side == 64 else 3) * 64
    assert multiply_adds(module, (4, 16, 16, 16)) == rank * (first + second)
