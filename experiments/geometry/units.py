"""Bound against truth, one unit at a time: what theory certifies, and what test images show."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.geometry.distances import distances, sampled_outputs
from tropnnc.bounds import homogeneous_radius, reduction_bound
from tropnnc.calibration import NetworkCalibration, View
from tropnnc.errors import TropnncError
from tropnnc.graph import Site, discover
from tropnnc.reduction import Reduction
from tropnnc.surgery import read_unit, write_columns, write_rows
from tropnnc.unit import Point, Unit

POINTS = (
    Point("unit_input", "dense"),
    Point("consumer_output", "dense"),
    Point("consumer_output", "current"),
)


@dataclass(frozen=True)
class Measured:
    """One unit, compressed alone in the dense network.

    Errors are those of the consumer's output at one position; for a convolution the largest and
    the mean go over positions too.

    Attributes:
        unit: name of the producer.
        radius: largest norm of the unit's input (convolution: of a patch) over the images.
        bound: on ‖v − ṽ‖₂ for all inputs in that ball, :func:`tropnnc.bounds.reduction_bound`.
        largest_l2: of ‖v − ṽ‖₂ over the images.
        mean_l2: of ‖v − ṽ‖₂.
        outputs: how many of the consumer's outputs the next four sum over, evenly spaced.
        b1_lower: of the interval for (B1), ``ρ·Σ [H(P_j, P̃_j) + H(Q_j, Q̃_j)]``, which bounds
            ‖v − ṽ‖₁; None behind a max-pool.
        b1_upper: of that interval.
        largest_l1: of ‖v − ṽ‖₁ over the images.
        mean_l1: of ‖v − ṽ‖₁.
    """

    unit: str
    radius: float
    bound: float
    largest_l2: float
    mean_l2: float
    outputs: int
    b1_lower: float | None
    b1_upper: float | None
    largest_l1: float
    mean_l1: float


def measure_unit(model: nn.Module, name: str, reduction: Reduction, images: Tensor) -> Measured:
    """Bounds and errors of one reduction.

    Args:
        model: dense, in evaluation mode.
        name: of a unit's producer.
        reduction: of that unit as read from ``model``, with a mixing matrix.
        images: normalised, on the model's device.

    Raises:
        TropnncError: the unit has several consumers.
    """
    [site] = [site for site in discover(model, images[:1]).sites if site.producer == name]
    if len(site.links) > 1:
        raise TropnncError(f"{name}: several consumers; bounds are measured at a single one")
    unit = read_unit(model, site)
    outputs = sampled_outputs(unit)
    radius, error = _seen(model, _compressed_alone(model, site, unit, reduction), site, images)
    euclidean = torch.linalg.vector_norm(error, dim=1)
    absolute = error[:, torch.from_numpy(outputs)].abs().sum(dim=1)
    distance = distances(unit, reduction, outputs)
    scale = homogeneous_radius(radius)
    return Measured(
        unit=name,
        radius=radius,
        bound=reduction_bound(unit, reduction, radius),
        largest_l2=float(euclidean.max()),
        mean_l2=float(euclidean.mean()),
        outputs=len(outputs),
        b1_lower=None if distance is None else scale * distance.lower,
        b1_upper=None if distance is None else scale * distance.upper,
        largest_l1=float(absolute.max()),
        mean_l1=float(absolute.mean()),
    )


def input_norms(inputs: Tensor, producer: nn.Module) -> Tensor:
    """Norms of what each neuron sees: of ``[b, d]`` per sample, of a map per patch (float64).

    Raises:
        TropnncError: a convolution whose padding is not of zeros, given in numbers.
    """
    inputs = inputs.double()
    if not isinstance(producer, nn.Conv2d):
        return torch.linalg.vector_norm(inputs, dim=-1)
    if producer.padding_mode != "zeros" or isinstance(producer.padding, str):
        raise TropnncError("norms of patches: accepted is zero padding, given in numbers")
    energy = F.conv2d(
        (inputs**2).sum(dim=1, keepdim=True),
        inputs.new_ones(1, 1, *producer.kernel_size),
        stride=producer.stride,
        padding=producer.padding,
        dilation=producer.dilation,
    )
    return energy.clamp(min=0).sqrt()


def _seen(model: nn.Module, alone: nn.Module, site: Site, images: Tensor) -> tuple[float, Tensor]:
    """The radius, and ``v − ṽ [images·positions, m]`` in float64."""
    calibration = NetworkCalibration(View(model, site), View(alone, site), images)
    producer = model.get_submodule(site.producer)
    radius, errors = 0.0, []
    for inputs, dense, small in calibration.stream(*POINTS):
        radius = max(radius, float(input_norms(inputs, producer).max()))
        errors.append(
            (dense.double() - small.double()).transpose(1, -1).reshape(-1, dense.shape[1])
        )
    return radius, torch.cat(errors)


def _compressed_alone(model: nn.Module, site: Site, unit: Unit, reduction: Reduction) -> nn.Module:
    alone = copy.deepcopy(model)
    write_rows(alone, site, unit, reduction)
    write_columns(alone, site, reduction)
    return alone
