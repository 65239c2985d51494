"""Surgery on every network, by every method, in both orders, against the algebra of its answers."""

from __future__ import annotations

import pytest
import torch

from tests.contract.algebra import Recorder, with_reductions
from tests.contract.methods import PAIRS, calibration_for, make
from tests.networks import build, images
from tropnnc import compress
from tropnnc.protocols import ORDERS, Order


@pytest.mark.parametrize(("method", "network"), PAIRS)
@pytest.mark.parametrize("order", ORDERS)
def test_surgery_is_the_algebra(method: str, network: str, order: Order) -> None:
    dense, inputs = build(network).double(), images(network).double()
    calibration = calibration_for(method, network)
    images_seen = None if calibration is None else calibration.double()
    recorder = Recorder(make(method))
    small, _ = compress(dense, inputs, recorder, 0.4, order=order, calibration=images_seen)
    expected = with_reductions(dense, inputs, recorder.answers)(inputs)
    torch.testing.assert_close(small(inputs), expected, rtol=1e-8, atol=1e-8)
    assert (small(inputs) - dense(inputs)).abs().max() > 1e-3
