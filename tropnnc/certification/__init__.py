"""``certify``: how far a compressed network can be from the dense one, over a ball of inputs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isinf

import numpy as np
from scipy.sparse import csr_array
from torch import nn

from tropnnc.bounds import check_radius
from tropnnc.certification.certificate import Certificate, UnitCertificate
from tropnnc.certification.infer import Columns, inferred_mix
from tropnnc.certification.walk import Walk
from tropnnc.errors import TropnncError, UnsupportedUnit
from tropnnc.graph import Example, Site, discover
from tropnnc.graph.network import Network
from tropnnc.graph.trace import trace
from tropnnc.report import Report
from tropnnc.surgery.read import read_consumer
from tropnnc.unit import Array

__all__ = ["Certificate", "UnitCertificate", "certify"]


def certify(
    model: nn.Module,
    compressed: nn.Module,
    example_input: Example,
    radius: float,
    report: Report | None = None,
) -> Certificate:
    """Bound ``‖f(x) − f̃(x)‖₂`` for every input of norm at most ``radius``.

    A priori: from the weights alone, in evaluation mode and exact arithmetic (the bound itself is
    computed in float64). The derivation stands in :mod:`tropnnc.certification.walk`.

    Args:
        model: the dense network ``f``.
        compressed: ``f̃``, as :func:`tropnnc.compress` returned it, fine-tuned or not.
        example_input: one batch that the models run on; gives the sizes of maps.
        radius: of the ball ``‖x‖₂ ≤ radius``, x one whole sample.
        report: of the compression: it knows the mixing matrices. Without one they are inferred
            from the weights, which is valid but can be looser.

    Raises:
        TropnncError: the radius is negative or not finite; the networks do not belong together,
            or contain something that no bound passes; it is named.
    """
    check_radius(radius)
    dense, small = copy.deepcopy(model).eval(), copy.deepcopy(compressed).eval()
    mixing = _Mixing.of(dense, small, example_input, {} if report is None else report.mixes)
    before, after = (Network.of(trace(each, example_input), each) for each in (dense, small))
    walk = Walk(before, after, mixing, radius, mixing.clipped)
    carried = walk.run().carried
    units = tuple(_unit(mixing.sites[name], walk, carried) for name in walk.locals)
    bound = float(np.sum(list(carried.values())))
    rest = sum(value for name, value in carried.items() if name not in walk.locals)
    return Certificate(units, radius, bound, rest)


def _unit(site: Site, walk: Walk, carried: Mapping[str, float]) -> UnitCertificate:
    at_consumers = walk.locals[site.producer]
    largest = max(at_consumers, key=lambda local: local.bound)
    return UnitCertificate(
        name=site.producer,
        neurons=site.neurons,
        kept=walk.small.modules[site.producer].get_parameter("weight").shape[0],
        # The consumers' outputs stacked.
        bound=float(np.linalg.norm([local.bound for local in at_consumers])),
        rule=largest.rule,
        radius=largest.radius,
        share=carried.get(site.producer, 0.0),
    )


@dataclass(frozen=True)
class _Mixing:
    """The mixing matrix of every unit: the report's, or inferred."""

    sites: Mapping[str, Site]
    mixes: Mapping[str, csr_array]
    consumers: Mapping[str, list[Columns]]

    @classmethod
    def of(
        cls, dense: nn.Module, small: nn.Module, example: Example, mixes: Mapping[str, csr_array]
    ) -> _Mixing:
        before = {site.producer: site for site in discover(dense, example).sites}
        _check_depthwise(before.values(), small)
        after = {site.producer: site for site in discover(small, example).sites}
        consumers = {
            name: _columns(dense, site, small, after[name])
            for name, site in before.items()
            if name in after
        }
        return cls(before, mixes, consumers)

    @property
    def clipped(self) -> frozenset[str]:
        """Units whose ReLU is clipped."""
        return frozenset(name for name, site in self.sites.items() if not isinf(site.cap))

    def __call__(self, name: str, rows: Array, new: Array) -> Array | None:
        if name not in self.sites:
            return None
        if name in self.mixes:
            mix = self.mixes[name].toarray()
            if mix.shape != (len(rows), len(new)):
                raise TropnncError(
                    f"{name}: the report mixes {mix.shape[1]} of {mix.shape[0]} neurons, the"
                    f" networks have {len(new)} of {len(rows)}; accepted is their own report"
                )
            return mix
        if len(rows) == len(new):
            return None
        if rows.shape[1] != new.shape[1]:
            raise TropnncError(f"{name} reads different inputs in the two networks")
        return inferred_mix(rows, new, self.consumers[name], name not in self.clipped)


def _check_depthwise(sites: Iterable[Site], small: nn.Module) -> None:
    for site in sites:
        producer = dict(small.named_modules()).get(site.producer)
        if producer is None or not site.depthwise:
            continue
        if len(producer.get_parameter("weight")) != site.neurons:
            raise UnsupportedUnit(
                f"{site.producer}: no certificate passes a reduced unit with a depthwise"
                f" convolution behind it ({site.depthwise[0].name}); accepted are scopes without"
            )


def _columns(dense: nn.Module, site: Site, small: nn.Module, after: Site) -> list[Columns]:
    return [
        (
            read_consumer(dense, link, site.neurons).outgoing,
            read_consumer(small, other, after.neurons).outgoing,
        )
        for link, other in zip(site.links, after.links, strict=True)
    ]
