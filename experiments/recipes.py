"""From the configuration of a training to its recipe, every value checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from experiments.training_settings import EarlyStopping, TrainSettings
from experiments.values import integer, real, truth
from tropnnc.errors import TropnncError, check_choice

SCHEDULES = ("one_cycle", "one_cycle_linear", "cosine", "constant")

_CHOICES = {
    "precision": ("bfloat16",),
    "storage": ("float16",),
    "crop": ("random", "resized"),
}


def train_settings(group: str, config: Mapping[str, Any]) -> TrainSettings:
    """The recipe in the configuration group ``group``.

    Raises:
        TropnncError: a value out of range, with what is accepted.
    """
    check_choice(f"{group}.optimizer", config["optimizer"], ("adam", "sgd"))
    check_choice(f"{group}.schedule", config["schedule"], SCHEDULES)

    def a_real(key: str, high: float = math.inf, open_low: bool = False) -> float:
        return real(f"{group}.{key}", config[key], 0.0, high, open_low)

    def an_integer(key: str, low: int) -> int:
        return integer(f"{group}.{key}", config[key], low)

    return TrainSettings(
        optimizer=config["optimizer"],
        learning_rate=a_real("learning_rate", open_low=True),
        schedule=config["schedule"],
        epochs=an_integer("epochs", low=1),
        batch=an_integer("batch", low=1),
        label_smoothing=a_real("label_smoothing", high=1.0),
        weight_decay=a_real("weight_decay"),
        shift=an_integer("shift", low=0),
        early_stopping=_early_stopping(group, config.get("early_stopping")),
        **_optional(group, config),
    )


def _optional(group: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Options that a recipe may leave out."""
    found: dict[str, Any] = {
        key: truth(f"{group}.{key}", config.get(key, False))
        for key in ("flip", "decay_weights_only", "channels_last")
    }
    for key, accepted in _CHOICES.items():
        if config.get(key) is not None:
            check_choice(f"{group}.{key}", config[key], accepted)
            found[key] = config[key]
    if config.get("warmup") is not None:
        found["warmup"] = real(f"{group}.warmup", config["warmup"], 0.0, 0.9, open_low=True)
    return found


def _early_stopping(group: str, config: Mapping[str, Any] | None) -> EarlyStopping | None:
    if config is None:
        return None
    name = f"{group}.early_stopping"
    if not isinstance(config, Mapping) or set(config) != {"share", "patience"}:
        raise TropnncError(f"{name} = {config} is not accepted; null or {{share, patience}} is")
    share = real(f"{name}.share", config["share"], 0.0, 0.9, open_low=True)
    return EarlyStopping(share, integer(f"{name}.patience", config["patience"], low=1))
