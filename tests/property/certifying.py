"""What the tests of the certificate share: compressed networks, and attempts to pass the bound."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tests.contract.methods import calibration_for, make
from tests.networks import build, images
from tropnnc import Certificate, Reduction, Report, Tier, Unit, certify, compress
from tropnnc.protocols import Order

RADII = (0.3, 3.0, 30.0)


def largest_gap(
    one: nn.Module, other: nn.Module, shape: tuple[int, ...], radius: float, steps: int = 12
) -> float:
    """Largest ``‖f(x) − f̃(x)‖`` found by projected gradient ascent on the ball.

    Args:
        one: ``f``, in float64.
        other: ``f̃``.
        shape: of one sample.
        radius: of the ball. The four starts are random points on its sphere.
        steps: of half the radius each.
    """
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    inputs = _onto_ball(inputs * 1e9, radius)
    largest = 0.0
    for _ in range(steps):
        inputs.requires_grad_()
        gaps = (one(inputs) - other(inputs)).flatten(1).norm(dim=1)
        largest = max(largest, float(gaps.detach().max()))
        (slope,) = torch.autograd.grad(gaps.sum(), inputs)
        step = slope / slope.flatten(1).norm(dim=1).clamp(min=1e-300).reshape(-1, *[1] * len(shape))
        inputs = _onto_ball(inputs.detach() + 0.5 * radius * step, radius)
    return largest


def _onto_ball(inputs: Tensor, radius: float) -> Tensor:
    norms = inputs.flatten(1).norm(dim=1).reshape(-1, *[1] * (inputs.ndim - 1))
    return inputs * (radius / norms.clamp(min=1e-300)).clamp(max=1)


def compressed(
    method: str, network: str, order: Order = "sequential", ratio: float = 0.5
) -> tuple[nn.Module, nn.Module, Report]:
    """A network of the zoo in float64, the same compressed, and the compression's report."""
    dense, images_seen = build(network).double(), calibration_for(method, network)
    small, report = compress(
        dense,
        images(network, 2).double(),
        make(method),
        ratio,
        order=order,
        calibration=None if images_seen is None else images_seen.double(),
    )
    return dense, small, report


def certified(
    network: str, dense: nn.Module, small: nn.Module, radius: float, report: Report | None = None
) -> Certificate:
    """The certificate of two networks that read what ``network`` of the zoo reads."""
    return certify(dense, small, images(network, 1).double(), radius, report)


class Signed:
    """Random rows and a dense mixing matrix of both signs."""

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, np.random.Generator]:
        return unit, rng

    def reduce(self, state: tuple[Unit, np.random.Generator], k: int) -> Reduction:
        unit, rng = state
        combination = rng.normal(size=(k, unit.neurons))
        mix = rng.normal(size=(unit.neurons, k))
        return Reduction(combination @ unit.incoming, mix, combination=combination)
