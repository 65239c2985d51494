"""Sequential least squares over every tap (theory.md 5.2, step 3).

Sequential least squares with the shortcut's error in the target is channel pruning's (He, Zhang and
Sun, ICCV 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tropnnc.clustering import one_thread
from tropnnc.composition.compensation import Mix
from tropnnc.composition.moments import Moments, combination_of
from tropnnc.composition.regression import Regression, observations
from tropnnc.errors import TropnncError, check_at_least_one, check_positive
from tropnnc.protocols import SequentialCalibration
from tropnnc.reduction import Reduction
from tropnnc.surgery.write import mixed
from tropnnc.unit import Array, Calibration, Consumer, Point, Tier, Unit


@dataclass(frozen=True)
class Taps:
    """Rows and consumers fitted to the dense network's outputs, from what is left as it is now.

    First the rows (b): their *dense* outputs before batch norm from the inputs x̃ as compressed so
    far, towards the rows as they are; not where the producer has been fitted as a consumer. Then
    every consumer (c): all its taps on the new activations, towards the mixing matrix's ``C·T``, to
    its dense outputs and what the addition behind them has lost. Both with an intercept. A layer
    that reads at least as many numbers as it is observed times is not fitted.

    Attributes:
        ridge: of the consumers and of T, in units of the mean diagonal of the normal matrix.
        refit_ridge: of the rows, likewise.
        refit: fit the rows at all.
        shortcut: make up for what additions have lost.
        passes: over all units. A further one begins at what the one before has left, and the ridge
            draws towards that.
    """

    ridge: float = 1e-3
    refit_ridge: float = 1e-2
    refit: bool = True
    shortcut: bool = True
    passes: int = 1

    needs = Tier.WEIGHTS
    version = 2  # 1: normal equations from im2col, equal but for rounding
    fits = True

    def __post_init__(self) -> None:
        check_positive("ridge", self.ridge)
        check_positive("refit_ridge", self.refit_ridge)
        check_at_least_one("passes", self.passes)

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """Refit the rows, then the consumers.

        Raises:
            TropnncError: the unit is not shown images unit by unit.
        """
        with one_thread():
            rows = Mix(self.ridge).fit(unit, moments, reduction)
        return self.again(unit, rows)

    def again(self, unit: Unit, rows: Reduction) -> Reduction:
        """Refit given rows, then the consumers.

        Raises:
            TropnncError: the unit is not shown images unit by unit.
        """
        calibration = unit.calibration
        if not isinstance(calibration, SequentialCalibration):
            raise TropnncError(f"{unit.name}: compensate=taps needs images, in sequential order")
        with one_thread():
            if self.refit and not unit.is_fitted:
                rows = self._refitted(unit, calibration, rows)
            return self._fitted(unit, calibration.rewritten(unit, rows), rows)

    def _refitted(self, unit: Unit, calibration: Calibration, rows: Reduction) -> Reduction:
        """Rows whose outputs before batch norm are the dense ones, as far as x̃ goes."""
        inputs = unit.incoming.shape[1] - 1
        regression = Regression(inputs, rows.width, unit.geometry)
        changed = False
        points = (
            Point("unit_input"), Point("unit_output", "dense"), Point("unit_output", "current"),
        )  # fmt: skip
        for now, dense, current in calibration.stream(*points):
            if observations(calibration.images, dense, unit.geometry) <= inputs:
                return rows
            lacking = dense - current
            changed |= bool(lacking.any())
            regression.add(now, _combined(unit, rows, lacking))
        if not changed:
            return rows
        change, shift = regression.solve(self.refit_ridge)
        incoming = rows.incoming + np.column_stack([change, shift])
        return replace(rows, incoming=incoming, is_refitted=True)

    def _fitted(self, unit: Unit, trial: Calibration, rows: Reduction) -> Reduction:
        """Consumers fitted on the activations of ``trial``, which has ``rows`` already."""
        fits = [
            self._consumer_fit(index, consumer, trial, rows)
            for index, consumer in enumerate(unit.consumers)
        ]
        if not any(fit is not None for fit in fits):
            return rows
        assert rows.mix is not None
        outgoing, offsets = [], []
        for consumer, fit in zip(unit.consumers, fits, strict=True):
            start = mixed(consumer.outgoing, rows.mix)
            change, shift = fit or (np.zeros_like(start), np.zeros(len(start)))
            outgoing.append(start + change.reshape(start.shape))
            offsets.append(shift)
        return replace(rows, mix=None, outgoing=tuple(outgoing), offset=tuple(offsets))

    def _consumer_fit(
        self, index: int, consumer: Consumer, trial: Calibration, rows: Reduction
    ) -> tuple[Array, Array] | None:
        """Changes of weights ``[m, k·taps]`` and bias ``[m]``; None: not observed enough."""
        outputs, _, taps = consumer.outgoing.shape
        inputs = rows.width * taps
        regression = None
        for hidden, lacking in self._lacking(index, trial):
            if observations(trial.images, lacking, consumer.geometry) <= inputs:
                return None
            regression = regression or Regression(inputs, outputs, consumer.geometry)
            regression.add(hidden, lacking)
        assert regression is not None
        return regression.solve(self.ridge)

    def _lacking(self, index: int, trial: Calibration) -> Iterator[tuple[Tensor, Tensor]]:
        """What the consumer reads, and what its output lacks, batch by batch."""
        points = [
            Point("consumer_input", "current", index),
            Point("consumer_output", "current", index),
            Point("consumer_output", "dense", index),
        ]
        if self.shortcut:
            points.append(Point("addition_loss", consumer=index))
        for hidden, current, dense, *lost in trial.stream(*points):
            yield hidden, sum(lost, start=dense - current)


def _combined(unit: Unit, rows: Reduction, outputs: Tensor) -> Tensor:
    """Differences of raw outputs ``[b, n, …]`` as those of the folded rows that are left."""
    scale = np.ones(unit.neurons) if unit.batch_norm is None else unit.batch_norm.scale
    if rows.kept is not None:
        matrix = np.zeros((rows.width, unit.neurons))
        matrix[np.arange(rows.width), rows.kept] = scale[rows.kept]
    else:
        matrix = combination_of(rows) * scale
    channels = 1 if unit.geometry is not None else -1
    mixing = torch.from_numpy(matrix).to(outputs)
    return (outputs.movedim(channels, -1) @ mixing.T).movedim(-1, channels)
