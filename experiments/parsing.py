"""From the resolved configuration to settings, every value checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from experiments.settings import (
    ArchSettings,
    CellSettings,
    Component,
    DatasetSettings,
    Machine,
    Options,
    TrainSettings,
)
from tropnnc.errors import TropnncError, check_choice
from tropnnc.protocols import ORDERS


def cell_settings(config: Mapping[str, Any]) -> CellSettings:
    """The settings of a resolved configuration.

    Raises:
        TropnncError: a value out of range, with what is accepted.
    """
    _check_groups(config)
    order = config["order"]
    if order is not None:
        check_choice("order", order, ORDERS)
    return CellSettings(
        dataset=_dataset(config["dataset"]),
        arch=_arch(config["arch"]),
        train=_train(config["train"]),
        method=Component(config["method"]["name"], _options(config["method"]["options"])),
        allocator=Component(config["allocator"]),
        ratio=_real("ratio", config["ratio"], low=0.0, high=1.0, open_low=True),
        scope=_scope(config["scope"]),
        order=order,
        seed=_integer("seed", config["seed"], low=0),
        calibration_images=_integer("calibration.images", config["calibration"]["images"], low=1),
    )


def machine_settings(config: Mapping[str, Any]) -> Machine:
    """Paths and device of a resolved configuration."""
    check_choice("device", config["device"], ("auto", "cpu", "cuda"))
    for key in ("data_dir", "results_dir"):
        if not isinstance(config[key], str):
            raise TropnncError(f"{key} = {config[key]} is not accepted; a path is")
    return Machine(Path(config["data_dir"]), Path(config["results_dir"]), config["device"])


def _check_groups(config: Mapping[str, Any]) -> None:
    for group in ("dataset", "arch", "train", "method", "calibration"):
        if not isinstance(config[group], Mapping):
            raise TropnncError(f"{group} = {config[group]} is not accepted; {group}.KEY=VALUE is")
    options = config["method"]["options"]
    if not isinstance(options, Mapping):
        raise TropnncError(f"method.options = {options} is not accepted; {{name: value}} is")


def _dataset(config: Mapping[str, Any]) -> DatasetSettings:
    mean = tuple(_real("dataset.mean", value) for value in _listed(config["mean"]))
    std = tuple(_real("dataset.std", v, low=0.0, open_low=True) for v in _listed(config["std"]))
    return DatasetSettings(config["name"], mean, std)


def _arch(config: Mapping[str, Any]) -> ArchSettings:
    known = {"name", "_target_", "checkpoint", "sha256"}
    options = _options({key: value for key, value in config.items() if key not in known})
    return ArchSettings(
        config["name"], config["_target_"], options, config["checkpoint"], config["sha256"]
    )


def _train(config: Mapping[str, Any]) -> TrainSettings:
    check_choice("train.optimizer", config["optimizer"], ("adam", "sgd"))
    check_choice("train.schedule", config["schedule"], ("one_cycle", "cosine"))
    return TrainSettings(
        optimizer=config["optimizer"],
        learning_rate=_real("train.learning_rate", config["learning_rate"], 0.0, open_low=True),
        schedule=config["schedule"],
        epochs=_integer("train.epochs", config["epochs"], low=1),
        batch=_integer("train.batch", config["batch"], low=1),
        label_smoothing=_real("train.label_smoothing", config["label_smoothing"], 0.0, 1.0),
        weight_decay=_real("train.weight_decay", config["weight_decay"], low=0.0),
        shift=_integer("train.shift", config["shift"], low=0),
    )


def _scope(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str | int) for name in value):
        # The layers of a Sequential have numbers for names.
        return tuple(str(name) for name in value)
    raise TropnncError(f"scope = {value} is not accepted; all, linear, conv or [names] is")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _integer(name: str, value: object, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise TropnncError(f"{name} = {value} is not accepted; an integer from {low} on is")
    return value


def _real(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
) -> float:
    number = float(value) if _is_number(value) else math.nan
    if not low <= number <= high or (open_low and number == low):
        bounds = f"{low:g} {'<' if open_low else '≤'} {name} ≤ {high:g}"
        raise TropnncError(f"{name} = {value} is not accepted; a number with {bounds} is")
    return number


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _options(mapping: Mapping[str, Any]) -> Options:
    return tuple((key, _frozen(value)) for key, value in sorted(mapping.items()))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
