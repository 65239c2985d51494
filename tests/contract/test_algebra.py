"""Surgery on every network, by every method, in both orders, against the algebra of its answers."""

from __future__ import annotations

import pytest
import torch

from tests.contract.algebra import Recorder, with_reductions
from tests.contract.methods import FITTED, PAIRS, SEQUENTIAL, calibration_for, make
from tests.networks import build, images
from tropnnc import TropnncError, compress
from tropnnc.protocols import ORDERS, Order

# Fits see the network that they edit: tests/unit/test_taps.py.
PLAIN = [pair for pair in PAIRS if pair[0] not in FITTED]
CASES = [(*p, o) for o in ORDERS for p in PLAIN if o == "sequential" or p[0] not in SEQUENTIAL]


@pytest.mark.parametrize(("method", "network", "order"), CASES)
def test_surgery_is_the_algebra(method: str, network: str, order: Order) -> None:
    dense, inputs = build(network).double(), images(network).double()
    calibration = calibration_for(method, network)
    images_seen = None if calibration is None else calibration.double()
    recorder = Recorder(make(method))
    small, _ = compress(dense, inputs, recorder, 0.4, order=order, calibration=images_seen)
    expected = with_reductions(dense, inputs, recorder)(inputs)
    torch.testing.assert_close(small(inputs), expected, rtol=1e-8, atol=1e-8)
    assert (small(inputs) - dense(inputs)).abs().max() > 1e-3


@pytest.mark.parametrize("method", SEQUENTIAL)
def test_fits_and_repairs_are_refused_in_original_order(method: str) -> None:
    seen = calibration_for(method, "mlp")
    with pytest.raises(TropnncError, match=r"^1: .+ works in sequential order only$"):
        compress(build("mlp"), images("mlp"), make(method), order="original", calibration=seen)
