"""What the certificate knows of one tensor of the two networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
from scipy.sparse import block_diag, csr_array, eye_array

from tropnnc.unit import Array


@dataclass(frozen=True)
class Fresh:
    """The error that one unit's reduction has just made, not yet consumed.

    Attributes:
        unit: name of its producer.
        norm: bound on the whole error.
        channels: bound on the error of every neuron's map, ``[n]``.
        radius: bound on the unit's input in the compressed network.
        start: first entry of the unit's neurons along the channels.
        block: entries per neuron.
    """

    unit: str
    norm: float
    channels: Array
    radius: float
    start: int = 0
    block: int = 1


@dataclass(frozen=True)
class State:
    """A tensor ``a`` of the dense network beside ``ã`` of the compressed one.

    All norms are ℓ2 over the whole tensor of one sample, for every input of the ball.

    Attributes:
        radius: bound on ``‖ã‖``.
        lift: ``T`` on the channels; ``None`` is the identity.
        carried: bound on ``‖a − T ã‖`` but for ``fresh``, as a sum of what each layer caused.
        fresh: errors of reductions since the last layer; they add to ``carried``.
    """

    radius: float
    lift: csr_array | None = None
    carried: Mapping[str, float] = field(default_factory=dict)
    fresh: tuple[Fresh, ...] = ()


def scaled(state: State, factor: float) -> State:
    """Behind a per-channel map of Lipschitz constant ``factor`` that is zero at 0."""
    if factor == 1:
        return state
    fresh = (replace(f, norm=f.norm * factor, channels=f.channels * factor) for f in state.fresh)
    carried = {name: value * factor for name, value in state.carried.items()}
    return State(state.radius * factor, state.lift, carried, tuple(fresh))


def flattened(state: State, positions: int) -> State:
    """Behind a flatten of maps of so many positions."""
    fresh = (replace(f, start=f.start * positions, block=f.block * positions) for f in state.fresh)
    return replace(state, lift=spread(state.lift, positions), fresh=tuple(fresh))


def spread(lift: csr_array | None, positions: int) -> csr_array | None:
    """``T`` on every one of the positions that a neuron's map was flattened to."""
    if lift is None or positions == 1:
        return lift
    rows, columns = cast(tuple[int, int], lift.shape)
    entries = lift.tocoo()
    step = np.arange(positions)
    row = (entries.row[:, None] * positions + step).ravel()
    column = (entries.col[:, None] * positions + step).ravel()
    values = np.repeat(entries.data, positions)
    return csr_array((values, (row, column)), shape=(rows * positions, columns * positions))


def added(states: Iterable[State]) -> State:
    """The sum of tensors, none of which is lifted."""
    states = [settled(state) for state in states]
    carried: dict[str, float] = {}
    for state in states:
        for name, value in state.carried.items():
            carried[name] = carried.get(name, 0.0) + value
    return State(sum(state.radius for state in states), None, carried)


def concatenated(states: Iterable[State], sizes: Iterable[int]) -> State:
    """Tensors side by side, with so many channels each in the dense network."""
    states, sizes = list(states), list(sizes)
    starts = np.cumsum([0, *sizes])
    fresh = tuple(
        replace(f, start=f.start + int(start))
        for state, start in zip(states, starts, strict=False)
        for f in state.fresh
    )
    # ‖(Σ_u x_u, Σ_u y_u)‖ ≤ Σ_u ‖(x_u, y_u)‖, u the layers that caused the parts.
    names = {name for state in states for name in state.carried}
    carried = {name: _root([s.carried.get(name, 0.0) for s in states]) for name in sorted(names)}
    return State(_root([s.radius for s in states]), _joined(states, sizes), carried, fresh)


def _joined(states: list[State], sizes: list[int]) -> csr_array | None:
    if all(state.lift is None for state in states):
        return None
    parts = [
        eye_array(size) if state.lift is None else state.lift
        for state, size in zip(states, sizes, strict=True)
    ]
    return csr_array(block_diag(parts))


def settled(state: State) -> State:
    """With the fresh errors carried."""
    carried = dict(state.carried)
    for fresh in state.fresh:
        carried[fresh.unit] = carried.get(fresh.unit, 0.0) + fresh.norm
    return replace(state, carried=carried, fresh=())


def _root(values: list[float]) -> float:
    return float(np.linalg.norm(values))
