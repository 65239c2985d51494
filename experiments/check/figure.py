"""A published figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RatioDefinition = Literal["neurons_kept", "neurons_removed", "parameters_kept", "none"]
FineTuning = Literal["before", "after"]
Metric = Literal["accuracy", "error", "drop"]


@dataclass(frozen=True)
class Figure:
    """A published figure.

    Attributes:
        table: where it is printed, and in which ``row``.
        ratio_definition: what ``ratio`` is a share of; ``none`` for a dense network.
        finetuning: whether the figure is that before or after fine-tuning.
        metric: top-1 ``accuracy`` or ``error`` in percent, or ``drop`` in points.
        printed: the value as printed, its digits included.
        plus_minus: the printed deviation, 0 where there is none.
        source: of the figure; ``setting`` and ``counted`` say how it came about.
        checkpoint: file of the weights behind the figure, ``sha256`` its hash.
        overrides: of ``run.py``, for what has no column.
        explained: why it differs from ours, where that is known.
    """

    table: str
    row: str
    dataset: str
    network: str
    scope: str
    method: str
    ratio_definition: RatioDefinition
    ratio: float
    finetuning: FineTuning
    metric: Metric
    printed: str
    plus_minus: float
    source: str = ""
    setting: str = ""
    counted: str = ""
    checkpoint: str = ""
    sha256: str = ""
    overrides: tuple[str, ...] = ()
    explained: str = ""

    @property
    def value(self) -> float:
        """The printed value as a number."""
        return float(self.printed)

    @property
    def half_digit(self) -> float:
        """Half a unit of the last digit printed."""
        return 0.5 * 10.0 ** -len(self.printed.partition(".")[2])

    @property
    def label(self) -> str:
        """The figure in one line."""
        kept = "" if self.ratio_definition == "none" else f" {self._ratio}"
        return (
            f"{self.table}, {self.row}: {self.dataset} {self.network} {self.method}"
            f"{kept}, {self.metric} {self.finetuning} fine-tuning"
        )

    @property
    def _ratio(self) -> str:
        return f"{self.ratio_definition.replace('_', ' ')} {self.ratio:g}"
