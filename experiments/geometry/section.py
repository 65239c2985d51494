"""The part of a record that the option ``geometry`` adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from experiments.determinism import one_thread
from experiments.geometry.units import measure_unit
from tropnnc import certify
from tropnnc.reduction import Reduction
from tropnnc.report import Report

# Bumped by hand whenever the same networks and images give other bounds or errors.
GEOMETRY_VERSION = 1


def geometry_section(
    model: nn.Module,
    small: nn.Module,
    report: Report,
    reductions: Mapping[str, Reduction],
    images: Tensor,
) -> dict[str, Any]:
    """Bounds and errors of every unit compressed alone, and of the whole network.

    Args:
        model: dense, in evaluation mode.
        small: as compressed.
        report: of that compression.
        reductions: of units as read from ``model``, by name.
        images: test images, normalised, on the models' device.
    """
    with one_thread():
        units = [measure_unit(model, name, reductions[name], images) for name in reductions]
        return {
            "images": len(images),
            "network": _network(model, small, report, images),
            "units": [asdict(unit) for unit in units],
        }


def _network(
    model: nn.Module, small: nn.Module, report: Report, images: Tensor
) -> dict[str, float]:
    """The certificate at the radius of the largest image, and the logits' error seen."""
    radius = float(torch.linalg.vector_norm(images.double().flatten(1), dim=1).max())
    with torch.inference_mode():
        error = torch.linalg.vector_norm(model(images).double() - small(images).double(), dim=1)
    return {
        "radius": radius,
        "bound": certify(model, small, images[:1], radius, report).bound,
        "largest_l2": float(error.max()),
        "mean_l2": float(error.mean()),
    }
