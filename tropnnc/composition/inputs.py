"""What a producer reads, where no batch norm states what it makes of it.

The law of its outputs ``z = W u`` follows from moments of ``u``, place by place (the pixels of a
patch, the positions of a flattened map), which are taken as uncorrelated:

- the first layer reads the data set's channel means and standard deviations;
- a layer that reads other units alone reads their activations, modelled in the same way: back to
  a batch norm or to the pixels, in the network as compressed so far;
- any other (behind an addition, say), and every one at tier ``weights``, standard normal inputs.

Pooling between two layers is passed over: the moments are those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.composition.moments import Moments
from tropnnc.composition.normal import Normal
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, Pixels, Unit

Model = Callable[[Unit], Moments]


@dataclass(frozen=True)
class Part:
    """Some of a producer's inputs.

    Attributes:
        weights: on them, ``[n, channels, places]``.
        mean: per channel ``[channels]``, the same at all places.
        covariance: between channels at one place ``[channels, channels]``.
    """

    weights: Array
    mean: Array
    covariance: Array


def produced(unit: Unit, model: Model) -> Normal:
    """Law of ``z = W u``; ``model`` gives the moments of the units that the producer reads."""
    n = unit.neurons
    mean, covariance = unit.incoming[:, -1].copy(), np.zeros((n, n))
    for part in _parts(unit, model):
        mean += part.weights.sum(axis=2) @ part.mean
        flat = part.weights.transpose(0, 2, 1)
        with one_thread():
            covariance += (flat @ part.covariance).reshape(n, -1) @ flat.reshape(n, -1).T
    return Normal(mean, (covariance + covariance.T) / 2)


def _parts(unit: Unit, model: Model) -> list[Part]:
    weights = unit.incoming[:, :-1]
    if unit.batch_norm is None:  # with one, only correlations are asked for: isotropic
        if unit.first and unit.pixels is not None:
            return [_pixels(unit, unit.pixels)]
        parts = list(_fed(unit, model))
        if parts and sum(part.weights[0].size for part in parts) == weights.shape[1]:
            return parts
    return [Part(weights[:, None], np.zeros(1), np.eye(1))]


def _pixels(unit: Unit, pixels: Pixels) -> Part:
    mean, std = np.atleast_1d(pixels.mean), np.atleast_1d(pixels.std)
    mean, std = np.broadcast_arrays(mean.astype(np.float64), std.astype(np.float64))
    inputs = unit.incoming.shape[1] - 1
    if inputs % len(mean):
        raise TropnncError(
            f"{unit.name}: reads {inputs} numbers, which {len(mean)} channels of pixels do not"
            " divide; accepted are pixels with one mean and std per channel, or one for all"
        )
    return Part(unit.incoming[:, :-1].reshape(unit.neurons, len(mean), -1), mean, np.diag(std**2))


def _fed(unit: Unit, model: Model) -> Iterator[Part]:
    for feed in unit.feeds():
        width = feed.unit.neurons * feed.block * unit.kernel
        start = feed.start * unit.kernel
        weights = unit.incoming[:, start : start + width]
        moments = model(feed.unit)
        yield Part(
            weights.reshape(unit.neurons, feed.unit.neurons, -1),
            moments.mean,
            moments.gram - np.outer(moments.mean, moments.mean),
        )
