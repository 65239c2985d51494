"""Recipes: of dense networks, and of what follows a compression."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from experiments.communication.settings import Communication

Crop = Literal["random", "resized"]


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop, seen on a share of the training images that is held back."""

    share: float
    patience: int


@dataclass(frozen=True)
class TrainSettings:
    """A training recipe.

    Attributes:
        optimizer: ``adam`` or ``sgd``.
        learning_rate: at its highest.
        schedule: ``one_cycle``, ``one_cycle_linear``, ``cosine`` or ``constant``.
        epochs: at most so many where it may stop early.
        batch: images per step.
        label_smoothing: of the cross-entropy.
        weight_decay: of all parameters, or of weights only.
        shift: random translation by at most so many pixels.
        early_stopping: when, if at all.
        flip: mirror every second image.
        warmup: share of the steps in which the learning rate of one cycle rises.
        decay_weights_only: leave biases and batch norms without weight decay.
        channels_last: memory format; other kernels, other last bits.
        precision: ``bfloat16`` for automatic mixed precision.
        storage: ``float16`` for weights rounded to it at the end; biases and batch norms stay.
        crop: which part of an image file a step sees instead of its central square: ``random``, any
            square of that size, or ``resized``, a rectangle of random area and aspect ratio.
    """

    optimizer: str
    learning_rate: float
    schedule: str
    epochs: int
    batch: int
    label_smoothing: float
    weight_decay: float
    shift: int
    early_stopping: EarlyStopping | None = None
    flip: bool = False
    warmup: float | None = None
    decay_weights_only: bool = False
    channels_last: bool = False
    precision: Literal["bfloat16"] | None = None
    storage: Literal["float16"] | None = None
    crop: Crop | None = None

    def determinants(self) -> dict[str, Any]:
        """What enters an identity; an option that is off is left out, as before it existed."""
        items = asdict(self).items()
        return {key: value for key, value in items if value is not None and value is not False}


@dataclass(frozen=True)
class Distillation:
    """Learning the dense network's outputs instead of labels.

    Attributes:
        source: of the images: ``images`` are unlabelled training images, ``synthetic`` are made
            from the dense network's weights.
        count: images.
        steps: of the making of synthetic ones, see :class:`tropnnc.imagination.Recipe`; None: as
            many as serve the network.
        batch: of those with one loss; None: all.
    """

    source: Literal["images", "synthetic"]
    count: int
    steps: int | None = None
    batch: int | None = None

    @property
    def made(self) -> dict[str, int | None]:
        """What is stated of the making of synthetic images; the recipe may mirror them."""
        stated = {"count": self.count, "steps": self.steps, "batch": self.batch}
        return {**stated, "mirrored": False}

    def determinants(self) -> dict[str, Any]:
        """What enters an identity; what is not stated is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Finetuning:
    """Training after compression.

    Attributes:
        recipe: the same for every method, as is the order of the data.
        rates: learning rates to choose from, each for a training of its own; the network that
            classifies most validation images is the result. Empty: the recipe's alone.
        report: epochs after which the network is evaluated, ascending, the last one included.
        from_scratch: start from random weights instead of the compressed ones.
        processes: of torchrun that share every batch. Batch norms normalise by their own part of
            it, and each process draws its own dropout.
        distillation: what is learnt if not the labels.
        images: of the training split, drawn as calibration images are; 0: all.
        communication: how the processes compress the gradients that they send; None: not at all.
    """

    recipe: TrainSettings
    report: tuple[int, ...]
    from_scratch: bool
    rates: tuple[float, ...] = ()
    processes: int = 1
    distillation: Distillation | None = None
    images: int = 0
    communication: Communication | None = None

    @property
    def is_image_free(self) -> bool:
        """Whether it needs no training image."""
        return self.distillation is not None and self.distillation.source == "synthetic"

    def determinants(self) -> dict[str, Any]:
        """What enters an identity; what is off is left out, as before it existed."""
        distil = {} if self.distillation is None else {"distil": self.distillation.determinants()}
        rates = {"learning_rate": list(self.rates)} if self.rates else {}
        processes = {"processes": self.processes} if self.processes > 1 else {}
        images = {"images": self.images} if self.images else {}
        sent = self.communication
        comm = {} if sent is None else {"comm": sent.determinants()}
        return {
            **self.recipe.determinants(),
            **rates,
            **processes,
            **distil,
            **images,
            **comm,
            "report": list(self.report),
            "from_scratch": self.from_scratch,
        }
