"""Walk both networks in step and bound their difference tensor by tensor.

For every tensor keep ``e ≥ ‖a − T ã‖`` and ``r ≥ ‖ã‖``. A layer ``W`` with a new mixing matrix T,
behind which a ReLU φ follows, splits as

    φ(W a) − T φ(W̃ ã) = [φ(W a) − φ(W T' ã)] + [φ(W T' ã) − T φ(W̃ ã)]:

the first part is at most ``‖W‖·e``, the second is what this unit's reduction alone causes on inputs
``ã`` of its own ball (:mod:`tropnnc.certification.residual`). Both survive every per-channel map
that is positively homogeneous, times its Lipschitz constant; so max-pools may come before the
consumer. At the consumer C the second part becomes ``min(‖C‖·‖Δ‖, Σ ‖C_i‖·δ_i)`` and is carried
from there. A clipped ReLU is not homogeneous and costs more (:mod:`tropnnc.bounds.rows`).
Sums add, a concatenation takes the root of the sum of squares. A layer that has no new
T differs from ``W T'`` by rounding, or by what a method refitted: the norm of that times r.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from scipy.sparse import csr_array
from torch import fx

from tropnnc.certification.affine import Affine
from tropnnc.certification.channelwise import factor
from tropnnc.certification.joins import JOINS, is_part, part, reshape
from tropnnc.certification.read import folds, read_at
from tropnnc.certification.residual import gap, unit_error
from tropnnc.certification.state import Fresh, State, scaled
from tropnnc.errors import TropnncError
from tropnnc.graph.network import Network
from tropnnc.graph.operations import classify
from tropnnc.graph.trace import shape
from tropnnc.unit import Array

# The mixing matrix of a unit from its rows in both networks; None where it kept its neurons.
MixOf = Callable[[str, Array, Array], Array | None]


@dataclass(frozen=True)
class Local:
    """The error one unit causes at the output of one consumer, and by which rule."""

    bound: float
    rule: str
    radius: float


@dataclass
class Walk:
    """A walk over two networks of the same graph.

    Attributes:
        dense: the one network, traced.
        small: the other.
        mix_of: gives the mixing matrices.
        radius: of the ball of inputs.
        clipped: units whose ReLU is clipped.
        states: of the nodes visited, by name.
        locals: of every reduced unit, one per consumer.
    """

    dense: Network
    small: Network
    mix_of: MixOf
    radius: float
    clipped: frozenset[str] = frozenset()
    states: dict[str, State] = field(default_factory=dict)
    locals: dict[str, list[Local]] = field(default_factory=dict)

    def run(self) -> State:
        """The state of the networks' output.

        Raises:
            TropnncError: the networks differ otherwise than by a compression, or something in them
                is not supported.
        """
        alike = [(n.op, str(n.target), n.name) for n in self.dense.nodes]
        if alike != [(n.op, str(n.target), n.name) for n in self.small.nodes]:
            raise TropnncError("the networks compute different graphs; accepted is what compress"
                               " returned for this model")  # fmt: skip
        last = State(0.0)
        for node, other in zip(self.dense.nodes, self.small.nodes, strict=True):
            if node.op == "output" or shape(node) is not None:
                last = self._visit(node, other)
                self.states[node.name] = last
        return last

    def _visit(self, node: fx.Node, other: fx.Node) -> State:
        operation = classify(node, self.dense.modules)
        if node.op == "placeholder":
            if len(self.states):
                raise TropnncError(f"{node.name} is a second input; accepted are models of one")
            return State(self.radius)
        if operation.kind in ("layer", "norm"):
            return self._affine(node, other)
        if operation.kind in JOINS:
            return JOINS[operation.kind](node, self.states)
        if is_part(node):
            return part(node, self.states)
        if node.op == "get_attr" or operation.kind in ("other", "size"):
            what = f"the constant {node.target}" if node.op == "get_attr" else operation.label
            raise TropnncError(f"no certificate passes {what} ({node.name})")
        state = scaled(self._only(node), factor(node, operation, self.dense.modules))
        return reshape(node, state) if operation.kind == "reshape" else state

    def _only(self, node: fx.Node) -> State:
        """State of the first tensor that ``node`` reads."""
        return self.states[node.all_input_nodes[0].name]

    def _affine(self, node: fx.Node, other: fx.Node) -> State:
        """A layer with the batch norm behind it, at the batch norm's node."""
        if folds(self.dense, node):
            return self._only(node)
        name, dense = read_at(self.dense, node)
        _, small = read_at(self.small, other)
        state = self._only(node)
        carried = self._consume(state, dense)
        lifted = dense.lifted(state.lift)
        mix = self.mix_of(name, lifted.rows, small.rows)
        radius = small.on_ball(state.radius)
        if mix is not None:
            homogeneous = name not in self.clipped
            error = unit_error(name, lifted, small, mix, state.radius, homogeneous)
            self.locals[name] = []
            return State(radius, csr_array(mix), carried, (error,))
        own = gap(name, lifted, small, state.radius)
        return State(radius, None, {**carried, name: carried.get(name, 0.0) + own})

    def _consume(self, state: State, dense: Affine) -> dict[str, float]:
        """The errors of ``state`` at the output of a dense layer."""
        carried = {name: dense.norm * value for name, value in state.carried.items() if value}
        for fresh in state.fresh:
            local = _at_consumer(fresh, dense)
            self.locals[fresh.unit].append(local)
            carried[fresh.unit] = carried.get(fresh.unit, 0.0) + local.bound
        return carried


def _at_consumer(fresh: Fresh, dense: Affine) -> Local:
    """``min(‖C‖·‖Δ‖, Σ ‖C_i‖·δ_i)``."""
    norms = dense.of_neurons(fresh.start, len(fresh.channels), fresh.block)
    by_neurons, by_operator = float(norms @ fresh.channels), dense.norm * fresh.norm
    if by_neurons <= by_operator:
        return Local(by_neurons, "neurons", fresh.radius)
    return Local(by_operator, "operator", fresh.radius)
