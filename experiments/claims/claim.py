"""A claim as ``conf/claims.yaml`` states it, before the sweep that tries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tropnnc.errors import TropnncError, check_choice

Endpoint = Literal["accuracy", "output_error"]
FineTuning = Literal["before", "recalibrated", "after"]
Rule = Literal["superior", "on_par"]
Settings = Mapping[str, str | None]

# Points of top-1.
MARGIN: Mapping[FineTuning, float] = {"before": 2.0, "recalibrated": 2.0, "after": 1.0}


@dataclass(frozen=True)
class Contender:
    """A method and the settings that its rows must have, by name; None must be absent."""

    method: str
    settings: Settings

    def under(self, settings: Settings) -> Contender:
        """The same method with other values of ``settings``."""
        return Contender(self.method, {**self.settings, **settings})


@dataclass(frozen=True)
class Network:
    """A panel of the summaries of ``experiments``; without the first one it is untried.

    ``scope`` is the claim's, unless the network calls it by another name.
    """

    experiments: tuple[str, ...]
    dataset: str
    arch: str
    scope: str


@dataclass(frozen=True)
class Variant:
    """Other options under which the claim is tried too."""

    name: str
    ours: Settings
    theirs: Settings


@dataclass(frozen=True)
class Claim:
    """A statement about two methods that measurements can support or contradict.

    Attributes:
        id: short and stable.
        text: the claim in the project's words.
        source: where it is made, with the version.
        networks: on which it is tried; each must have all ``ratios``.
        scope: of the compression.
        ours: the method that the claim is about; ``theirs``: what it is compared with.
        endpoint: mean over ``ratios`` of top-1 (points) or of the output error.
        finetuning: whether the accuracy is that before or after fine-tuning, or with batch norms
            re-calibrated and no fine-tuning.
        rule: ``superior`` or ``on_par``.
        chance: top-1 of guessing, in percent.
        variants: option variants that might turn the verdict.
        preregistered: whether it was written down before anybody saw the sweep that tries it.
    """

    id: str
    text: str
    source: str
    networks: tuple[Network, ...]
    scope: str
    ours: Contender
    theirs: Contender
    endpoint: Endpoint
    ratios: tuple[float, ...]
    finetuning: FineTuning
    rule: Rule
    chance: float
    variants: tuple[Variant, ...] = ()
    preregistered: bool = True

    def __post_init__(self) -> None:
        check_choice("endpoint", self.endpoint, ("accuracy", "output_error"))
        check_choice("finetuning", self.finetuning, tuple(MARGIN))
        check_choice("rule", self.rule, ("superior", "on_par"))
        if not (self.networks and self.ratios):
            raise TropnncError("at least one network and one ratio are accepted")
        if self.endpoint == "output_error" and (self.rule, self.finetuning) != (
            "superior",
            "before",
        ):
            raise TropnncError("output_error is compared by rule superior, before fine-tuning")

    @property
    def experiments(self) -> set[str]:
        """Summaries that the claim reads."""
        return {name for network in self.networks for name in network.experiments}


@dataclass(frozen=True)
class TestedClaim:
    """A claim that a test of this repository decides, not a measurement."""

    id: str
    text: str
    source: str
    test: str
