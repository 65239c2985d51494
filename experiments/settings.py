"""A cell's settings as frozen values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from experiments.training_settings import Finetuning, TrainSettings
from tropnnc.protocols import Order
from tropnnc.seeding import derive_seed

Options = tuple[tuple[str, Any], ...]
TestSplit = Literal["test", "validation"]


@dataclass(frozen=True)
class Machine:
    """Where a cell runs; nothing here determines its result.

    Attributes:
        data_dir: data sets.
        results_dir: records, summaries, tables and figures.
        device: that networks run on.
        train_missing: train dense networks that are not on disk, or skip their cells.
        decoders: processes that decode image files; 0: the one that runs the cell.
    """

    data_dir: Path
    results_dir: Path
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    train_missing: bool = True
    decoders: int = 0

    @property
    def runs_dir(self) -> Path:
        """Records, checkpoints and downloads, none of them committed."""
        return self.results_dir / "runs"


@dataclass(frozen=True)
class DatasetSettings:
    """A data set and its normalisation: the network sees ``(pixel/255 − mean)/std``.

    ``preprocess`` names how images of many sizes become images of one; None where they have one.
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    preprocess: str | None = None

    def determinants(self) -> dict[str, Any]:
        """What enters an identity; a pre-processing that is not there is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class ArchSettings:
    """An architecture: the dotted path of its class, its options, and published weights if any.

    Attributes:
        name: of the file in ``conf/arch``.
        target: dotted path of its class.
        options: of the class.
        checkpoint: path or URL of published weights, or ``torchvision:ENUM`` or
            ``package:FOLDER/FILE``.
        sha256: of that file; with ``url``, of the file there.
        optional: where the weights are not to be had, skip their cells instead of refusing.
        url: where they are downloaded from if there is no file ``checkpoint``.
        weights: hash of the tensors, whatever file they come in.
    """

    name: str
    target: str
    options: Options = ()
    checkpoint: str | None = None
    sha256: str | None = None
    optional: bool = False
    url: str | None = None
    weights: str | None = None


@dataclass(frozen=True)
class Rescaling:
    """A random rescaling of every hidden neuron that leaves the dense network's function.

    Attributes:
        seed: of the factors, alone.
        spread: standard deviation of their logarithm.
    """

    seed: int
    spread: float


@dataclass(frozen=True)
class Component:
    """A method or an allocator: name and options."""

    name: str
    options: Options = ()


@dataclass(frozen=True)
class CellSettings:
    """What determines the result of one cell, before data and weights are looked at.

    ``seed`` is that of the dense training. Another ``method_seed`` gives everything that follows
    other random draws on the same dense network. ``test_images``: so many of them, evenly spaced;
    0: all; ``test_split``: they are taken from the test images, or from the validation images.
    """

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
    rescaling: Rescaling | None = None
    geometry_images: int = 0
    method_seed: int = 0
    test_images: int = 0
    test_split: TestSplit = "test"

    @property
    def label(self) -> str:
        """The cell in one line."""
        again = f" method_seed={self.method_seed}" if self.method_seed else ""
        return (
            f"{self.dataset.name} {self.arch.name} {self.method.name}"
            f" ratio={self.ratio:g} seed={self.seed}{again}"
        )

    @property
    def recipes(self) -> tuple[TrainSettings, ...]:
        """By which networks are trained for this cell: the dense one, the compressed one."""
        dense = () if self.arch.checkpoint else (self.train,)
        return dense if self.finetuning is None else (*dense, self.finetuning.recipe)

    @property
    def base_seed(self) -> int:
        """From which every seed derives but that of the dense training."""
        return derive_seed(self.seed, "method", self.method_seed) if self.method_seed else self.seed

    def determinants(self) -> dict[str, Any]:
        """The configuration that enters the identity, as plain JSON values.

        Weights from a file are identified by their content: neither their path nor the recipe
        that did not make them is part of it. What is off is left out, as before it existed.
        """
        determinants = {
            "dataset": plain(self.dataset.determinants()),
            "arch": {"name": self.arch.name, **plain(dict(self.arch.options))},
            "train": None if self.arch.checkpoint else self.train.determinants(),
            "method": {"name": self.method.name, "options": plain(dict(self.method.options))},
            "allocator": {
                "name": self.allocator.name,
                "options": plain(dict(self.allocator.options)),
            },
            "ratio": self.ratio,
            "scope": plain(self.scope),
            "order": self.order,
            "seed": self.seed,
            "calibration": {"images": self.calibration_images},
        }
        if self.recalibration_images:
            determinants["recalibrate"] = {"images": self.recalibration_images}
        if self.finetuning is not None:
            determinants["finetune"] = self.finetuning.determinants()
        if self.rescaling is not None:
            determinants["rescale"] = asdict(self.rescaling)
        if self.geometry_images:
            determinants["geometry"] = {"images": self.geometry_images}
        if self.method_seed:
            determinants["method_seed"] = self.method_seed
        test: dict[str, Any] = {"images": self.test_images} if self.test_images else {}
        if self.test_split != "test":
            test["split"] = self.test_split
        if test:
            determinants["test"] = test
        return determinants


def plain(value: Any) -> Any:
    """``value`` as JSON gives it back: tuples as lists, however deep."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value
