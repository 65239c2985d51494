"""The outcome of :func:`tropnnc.certify`."""

from __future__ import annotations

from dataclasses import dataclass

from tropnnc.report import aligned

_HEADER = ("unit", "neurons", "local bound", "rule", "input radius", "share of the network bound")


@dataclass(frozen=True)
class UnitCertificate:
    """What one unit's reduction costs.

    Attributes:
        name: of the producer.
        neurons: ``n``.
        kept: ``k``.
        bound: on the ℓ2 error of the consumers' outputs (whole maps) that this reduction alone
            causes, for unit inputs in the ball of ``radius``.
        rule: how the bound was found: ``neurons``, the sum ``Σ ‖C_i‖·δ_i`` of (B5) and (B6), or
            ``operator``, ``‖C‖·‖Δ‖``.
        radius: bound on the unit's input in the compressed network, by the Lipschitz constants of
            the layers before it.
        share: the unit's part of the network's bound; the layers behind it amplify ``bound``.
    """

    name: str
    neurons: int
    kept: int
    bound: float
    rule: str
    radius: float
    share: float


@dataclass(frozen=True)
class Certificate:
    """Upper bound on ``max ‖f(x) − f̃(x)‖₂`` over ``‖x‖ ≤ radius``.

    Attributes:
        units: those that were reduced, in topological order.
        radius: of the ball of inputs, ℓ2 over one whole sample.
        bound: of the whole network's output.
        rest: part of ``bound`` that no unit causes: rounding of the compressed weights, refits.
    """

    units: tuple[UnitCertificate, ...]
    radius: float
    bound: float
    rest: float

    def __str__(self) -> str:
        rows = [_HEADER, *(_cells(unit) for unit in self.units)]
        total = f"{self.bound:.4g} for inputs of norm up to {self.radius:g}"
        return "\n".join([*aligned(rows), f"network bound: {total}"])


def _cells(unit: UnitCertificate) -> tuple[str, ...]:
    numbers = (f"{unit.bound:.4g}", unit.rule, f"{unit.radius:.4g}", f"{unit.share:.4g}")
    return (unit.name, f"{unit.neurons:,} → {unit.kept:,}", *numbers)
