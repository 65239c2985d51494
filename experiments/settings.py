"""A cell's settings as frozen values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tropnnc.protocols import Order

Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Machine:
    """Where a cell runs; nothing here determines its result."""

    data_dir: Path
    results_dir: Path
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @property
    def runs_dir(self) -> Path:
        """Records, checkpoints and downloads, none of them committed."""
        return self.results_dir / "runs"


@dataclass(frozen=True)
class DatasetSettings:
    """A data set and its normalisation: the network sees ``(pixel/255 − mean)/std``."""

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ArchSettings:
    """An architecture: the dotted path of its class, its options, and published weights if any.

    Where ``optional`` weights are not at hand, their cells are skipped instead of refused.
    """

    name: str
    target: str
    options: Options = ()
    checkpoint: str | None = None
    sha256: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop, seen on a share of the training images that is held back."""

    share: float
    patience: int


@dataclass(frozen=True)
class TrainSettings:
    """A training recipe; ``epochs`` are at most so many where it may stop early."""

    optimizer: str
    learning_rate: float
    schedule: str
    epochs: int
    batch: int
    label_smoothing: float
    weight_decay: float
    shift: int
    early_stopping: EarlyStopping | None = None

    def determinants(self) -> dict[str, Any]:
        """What enters an identity; an option that is off is left out, as before it existed."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Finetuning:
    """Training after compression.

    Attributes:
        recipe: the same for every method, as is the order of the data.
        report: epochs after which the network is evaluated, ascending, the last one included.
        from_scratch: start from random weights instead of the compressed ones.
    """

    recipe: TrainSettings
    report: tuple[int, ...]
    from_scratch: bool


@dataclass(frozen=True)
class Component:
    """A method or an allocator: name and options."""

    name: str
    options: Options = ()


@dataclass(frozen=True)
class CellSettings:
    """What determines the result of one cell, before data and weights are looked at."""

    dataset: DatasetSettings
    arch: ArchSettings
    train: TrainSettings
    method: Component
    allocator: Component
    ratio: float
    scope: str | tuple[str, ...]
    order: Order | None
    seed: int
    calibration_images: int
    recalibration_images: int = 0
    finetuning: Finetuning | None = None

    @property
    def label(self) -> str:
        """The cell in one line."""
        return (
            f"{self.dataset.name} {self.arch.name} {self.method.name}"
            f" ratio={self.ratio:g} seed={self.seed}"
        )

    def determinants(self) -> dict[str, Any]:
        """The configuration that enters the identity, as plain JSON values.

        Weights from a file are identified by their content: neither their path nor the recipe
        that did not make them is part of it. What is off is left out, as before it existed.
        """
        determinants = {
            "dataset": _plain(asdict(self.dataset)),
            "arch": {"name": self.arch.name, **_plain(dict(self.arch.options))},
            "train": None if self.arch.checkpoint else self.train.determinants(),
            "method": {"name": self.method.name, "options": _plain(dict(self.method.options))},
            "allocator": {
                "name": self.allocator.name,
                "options": _plain(dict(self.allocator.options)),
            },
            "ratio": self.ratio,
            "scope": _plain(self.scope),
            "order": self.order,
            "seed": self.seed,
            "calibration": {"images": self.calibration_images},
        }
        if self.recalibration_images:
            determinants["recalibrate"] = {"images": self.recalibration_images}
        if self.finetuning is not None:
            determinants["finetune"] = {
                **self.finetuning.recipe.determinants(),
                "report": _plain(self.finetuning.report),
                "from_scratch": self.finetuning.from_scratch,
            }
        return determinants


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
