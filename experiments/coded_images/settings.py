"""What determines a cell of the data track."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from baselines.coin import MetaTraining, SirenShape
from baselines.coin.quantiser import MOST_BITS
from experiments.settings import Options
from experiments.values import real
from tropnnc.errors import TropnncError, check_choice

LAYOUTS = ("image", "sheet")
# Knobs of each codec, the first one is that of the rate.
KNOBS: Mapping[str, tuple[str, ...]] = {
    "original": (),
    "jpeg": ("quality",),
    "webp": ("quality",),
    "jpeg2000": ("rate",),
    "pca": ("components", "bits"),
    "coin": ("bits", "steps"),
}
LEARNED = ("pca", "coin")
FLOAT_BITS = 32  # latents as they are, without quantiser and coder


@dataclass(frozen=True)
class CoinSettings:
    """The shared network of COIN++.

    Attributes:
        shape: sizes.
        training: how it is meta-learned.
        patch: height and width of what one latent describes; None: the whole image.
        seed: of weights and draws.
    """

    shape: SirenShape
    training: MetaTraining
    patch: tuple[int, int] | None
    seed: int

    def determinants(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "patch": None if self.patch is None else list(self.patch)}


@dataclass(frozen=True)
class Coding:
    """A codec at one setting.

    Attributes:
        codec: name.
        layout: ``image``, one file or stream for each; ``sheet``, one for all of them.
        knobs: by name.
    """

    codec: str
    layout: str
    knobs: Options

    def __post_init__(self) -> None:
        check_choice("codec", self.codec, tuple(KNOBS))
        check_choice("layout", self.layout, LAYOUTS)
        wanted = KNOBS[self.codec]
        if {name for name, _ in self.knobs} != set(wanted):
            accepted = ", ".join(wanted) or "none"
            raise TropnncError(f"{self.codec} with {dict(self.knobs)}: its knobs are {accepted}")
        for name, value in self.knobs:
            real(name, value)
        if "bits" in wanted and self["bits"] not in (*range(1, MOST_BITS + 1), FLOAT_BITS):
            raise TropnncError(
                f"bits = {self['bits']} is not accepted; 1 to {MOST_BITS} are, and {FLOAT_BITS} for"
                " latents as they are"
            )

    def __getitem__(self, name: str) -> Any:
        """The value of a knob."""
        return dict(self.knobs)[name]

    @property
    def label(self) -> str:
        """In one line."""
        return " ".join([self.codec, self.layout, *(f"{name}={v:g}" for name, v in self.knobs)])


@dataclass(frozen=True)
class Classifier:
    """A fixed network that looks at decoded images.

    Attributes:
        network: name of the dense one.
        overrides: of the suite's configuration that it stands for.
        method: by which it is pruned, without fine-tuning; None: it is not.
        ratio: keep ratio.
    """

    network: str
    overrides: tuple[str, ...]
    method: str | None = None
    ratio: float = 1.0

    @property
    def label(self) -> str:
        """In one line."""
        return (
            self.network if self.method is None else f"{self.network} {self.method} {self.ratio:g}"
        )

    def determinants(self) -> dict[str, Any]:
        """As plain JSON values; what ``overrides`` mean enters by the network's weights."""
        return {"network": self.network, "method": self.method, "ratio": self.ratio}


@dataclass(frozen=True)
class CodedCell:
    """The first test images of a data set, coded, decoded and classified.

    Attributes:
        dataset: name.
        images: so many.
        coding: by what.
        classifiers: who looks at them.
        fitted: training images behind basis, quantiser and histogram of a learned codec; 0 for
            others.
        coin: of COIN++ alone.
    """

    dataset: str
    images: int
    coding: Coding
    classifiers: tuple[Classifier, ...]
    fitted: int = 0
    coin: CoinSettings | None = None

    @property
    def label(self) -> str:
        """The cell in one line."""
        return f"{self.dataset} {self.coding.label}"

    def determinants(self) -> dict[str, Any]:
        """What enters its identity, as plain JSON values."""
        return {
            "dataset": self.dataset,
            "images": self.images,
            "codec": self.coding.codec,
            "layout": self.coding.layout,
            "knobs": dict(self.coding.knobs),
            "classifiers": [each.determinants() for each in self.classifiers],
            "fitted": self.fitted,
            "coin": None if self.coin is None else self.coin.determinants(),
        }
