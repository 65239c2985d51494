"""What a method answers: fewer rows and a mixing matrix, ``relu(W u) ≈ T·relu(W̃ u)``."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from tropnnc.errors import TropnncError
from tropnnc.lazy import later, lazy, unread
from tropnnc.unit import Array, BatchNorm, IntArray, Unit


@lazy("incoming", "mix")
@dataclass(frozen=True)
class Reduction:
    """A unit of ``n`` neurons rewritten with ``k``.

    Attributes:
        incoming: new rows ``[k, d+1]``, batch norm folded, bias last.
        mix: ``T [n, k]``; every consumer becomes ``C·T`` at every tap. Exactly one of ``mix`` and
            ``outgoing`` is given.
        outgoing: new weights ``[m, k, taps]``, one array per consumer (``sequential`` order only).
        row_scale: factor ``[m]`` on each consumer's outputs, bias included, one per consumer.
        offset: added to each consumer's outputs ``[m]`` after ``row_scale``, one per consumer.
        kept: indices ``[k]`` where the rows are selected neurons (also when refitted).
        combination: ``A [k, n]`` where ``incoming = A·unit.incoming`` (before a refit); with
            ``batch_norm`` what depthwise rows follow.
        batch_norm: of the new rows, by a method that has a rule of its own for it. It is written as
            it is, ``incoming`` are the rows with it folded in.
        clusters: cluster of each neuron ``[n]``, for reports.
        is_refitted: the rows differ from the kept or combined ones: they are a fit.
        selected: ``kept`` where :func:`select` made this, that is where these neurons stay as they
            are on either side: surgery copies them instead of computing. What ``replace`` makes of
            it does not have it.
    """

    incoming: Array
    mix: Array | None = None
    outgoing: tuple[Array, ...] | None = None
    row_scale: tuple[Array, ...] | None = None
    offset: tuple[Array, ...] | None = None
    kept: IntArray | None = None
    combination: Array | None = None
    batch_norm: BatchNorm | None = None
    clusters: IntArray | None = None
    is_refitted: bool = False
    selected: IntArray | None = field(default=None, init=False)

    @property
    def width(self) -> int:
        """``k``."""
        return unread(self, "incoming").shape[0]

    @property
    def sparse_mix(self) -> csr_array | None:
        """``mix``, nearly all zeros where neurons are selected or merged."""
        if self.selected is not None:
            places = self.selected, np.arange(self.width)
            return csr_array((np.ones(self.width), places), shape=unread(self, "mix").shape)
        return None if self.mix is None else csr_array(self.mix)

    def check(self, unit: Unit, k: int) -> None:
        """Raise :class:`TropnncError` unless this is finite and rewrites ``unit`` with ``k``."""
        if self.kept is not None and self.kept.shape != (k,):
            raise TropnncError(f"{unit.name}: kept has shape {self.kept.shape}, expected {(k,)}")
        if self.selected is not None:
            return
        n = unit.neurons
        self._expect(unit, "incoming", self.incoming, (k, unit.incoming.shape[1]))
        if (self.mix is None) == (self.outgoing is None):
            raise TropnncError(f"{unit.name}: a reduction gives either mix or outgoing")
        if self.mix is not None:
            self._expect(unit, "mix", self.mix, (n, k))
        if self.combination is not None:
            self._expect(unit, "combination", self.combination, (k, n))
        if self.batch_norm is not None:
            for name in ("weight", "bias", "running_mean", "running_var"):
                self._expect(unit, f"batch_norm {name}", getattr(self.batch_norm, name), (k,))
        for name in ("outgoing", "row_scale", "offset"):
            self._check_per_consumer(unit, name)

    def _check_per_consumer(self, unit: Unit, name: str) -> None:
        arrays: tuple[Array, ...] | None = getattr(self, name)
        if arrays is None:
            return
        if len(arrays) != len(unit.consumers):
            raise TropnncError(f"{unit.name}: {name} needs one array per consumer")
        for array, consumer in zip(arrays, unit.consumers, strict=True):
            rows, _, taps = consumer.outgoing.shape
            shape = (rows, self.width, taps) if name == "outgoing" else (rows,)
            self._expect(unit, f"{name} of {consumer.name}", array, shape)

    @staticmethod
    def _expect(unit: Unit, what: str, array: Array, shape: tuple[int, ...]) -> None:
        if array.shape != shape:
            raise TropnncError(f"{unit.name}: {what} has shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise TropnncError(f"{unit.name}: {what} has NaN or infinite entries")


def check_width(unit: Unit, k: int) -> None:
    """Raise :class:`TropnncError` unless ``1 ≤ k ≤ n``."""
    if not 1 <= k <= unit.neurons:
        raise TropnncError(
            f"{unit.name}: k = {k} is out of range, accepted are 1 to {unit.neurons}"
        )


def select(
    unit: Unit, kept: IntArray, scale: Array | None = None, clusters: IntArray | None = None
) -> Reduction:
    """Keep the neurons ``kept [k]``, their outgoing weights multiplied by ``scale [k]`` (or 1).

    ``clusters [n]``, if they come from any, are only for reports.
    """

    def mix(part: slice) -> Array:
        dense = np.zeros((unit.neurons, len(kept)))
        dense[kept, np.arange(len(kept))] = 1.0 if scale is None else scale
        return dense[part]

    columns = unread(unit, "incoming").shape[1]
    reduction = Reduction(
        incoming=later(lambda part: unit.incoming[kept[part]], (len(kept), columns)),
        mix=later(mix, (unit.neurons, len(kept))),
        kept=kept,
        clusters=clusters,
    )
    if scale is None:
        object.__setattr__(reduction, "selected", kept)
    return reduction


def select_largest(unit: Unit, scores: Array, k: int) -> Reduction:
    """Keep the ``k`` neurons of largest score ``[n]``; of equal scores, those of lower index."""
    return select(unit, largest(unit, scores, k))


def largest(unit: Unit, scores: Array, k: int) -> IntArray:
    """The ``k`` neurons of largest score ``[n]``, ascending; of equal scores those of lower index.

    Raises:
        TropnncError: ``k`` is out of range.
    """
    check_width(unit, k)
    return np.sort(np.argsort(-scores, kind="stable")[:k])
