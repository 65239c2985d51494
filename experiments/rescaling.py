"""Rescale the neurons of a trained network at random: other weights, the same function."""

from __future__ import annotations

import copy

import numpy as np
from torch import Tensor, nn

from experiments.settings import Rescaling
from tropnnc.graph import Site, discover
from tropnnc.reduction import Reduction
from tropnnc.rescaling import check_rescalable
from tropnnc.seeding import derive_rng
from tropnnc.surgery import read_unit, write_columns, write_rows
from tropnnc.surgery.read import to_array
from tropnnc.surgery.write import set_parameter
from tropnnc.unit import Array


def rescaled(model: nn.Module, example: Tensor, rescaling: Rescaling) -> nn.Module:
    """A copy of ``model`` whose every hidden neuron is multiplied by its own positive factor.

    ReLU is positively homogeneous: neuron i's incoming row times ``s_i`` and its outgoing column
    divided by ``s_i`` leave the function as it is, up to the rounding of the written weights. A
    batch norm behind the producer takes the factor on its γ and β, the filter stays.

    Args:
        model: in evaluation mode.
        example: one batch that it runs on.
        rescaling: ``s_i = exp(spread·N(0, 1))``, drawn from its seed and the unit's name.

    Raises:
        UnsupportedUnit: a unit whose ReLU is clipped, or with a depthwise convolution behind it.
    """
    model = copy.deepcopy(model)
    for site in discover(model, example).sites:
        rng = derive_rng(rescaling.seed, "rescale", site.producer)
        _scale(model, site, np.exp(rescaling.spread * rng.standard_normal(site.neurons)))
    return model


def _scale(model: nn.Module, site: Site, factors: Array) -> None:
    unit = read_unit(model, site)
    check_rescalable(unit, "the experiment")
    scaled = Reduction(incoming=unit.incoming * factors[:, None], mix=np.diag(1 / factors))
    if site.batch_norm is None:
        write_rows(model, site, unit, scaled)
    else:
        norm = model.get_submodule(site.batch_norm)
        for name in ("weight", "bias"):
            set_parameter(norm, name, to_array(norm.get_parameter(name)) * factors)
    write_columns(model, site, scaled)
