"""From the resolved configuration to settings, every value checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.settings import (
    ArchSettings,
    CellSettings,
    Component,
    DatasetSettings,
    EarlyStopping,
    Finetuning,
    Machine,
    TrainSettings,
)
from experiments.values import integer, listed, options, real
from tropnnc.errors import TropnncError, check_choice
from tropnnc.protocols import ORDERS

GROUPS = ("dataset", "arch", "train", "method", "calibration", "recalibrate", "finetune")


def cell_settings(config: Mapping[str, Any]) -> CellSettings:
    """The settings of a resolved configuration.

    Raises:
        TropnncError: a value out of range, with what is accepted.
    """
    _check_groups(config)
    order = config["order"]
    if order is not None:
        check_choice("order", order, ORDERS)
    finetuning = _finetuning(config["finetune"])
    method = Component(config["method"]["name"], options(config["method"]["options"]))
    if finetuning is not None and finetuning.from_scratch:
        method = Component("random")  # the widths are all that it leaves
    return CellSettings(
        dataset=_dataset(config["dataset"]),
        arch=_arch(config["arch"]),
        train=_train("train", config["train"]),
        method=method,
        allocator=Component(config["allocator"]),
        ratio=real("ratio", config["ratio"], low=0.0, high=1.0, open_low=True),
        scope=_scope(config["scope"]),
        order=order,
        seed=integer("seed", config["seed"], low=0),
        calibration_images=integer("calibration.images", config["calibration"]["images"], low=1),
        recalibration_images=integer("recalibrate.images", config["recalibrate"]["images"], low=0),
        finetuning=finetuning,
    )


def machine_settings(config: Mapping[str, Any]) -> Machine:
    """Paths and device of a resolved configuration."""
    check_choice("device", config["device"], ("auto", "cpu", "cuda"))
    for key in ("data_dir", "results_dir"):
        if not isinstance(config[key], str):
            raise TropnncError(f"{key} = {config[key]} is not accepted; a path is")
    return Machine(Path(config["data_dir"]), Path(config["results_dir"]), config["device"])


def plan_only(config: Mapping[str, Any]) -> bool:
    """Whether the configuration asks for a plan instead of a run."""
    if not isinstance(config["plan"], bool):
        raise TropnncError(f"plan = {config['plan']} is not accepted; true or false is")
    return config["plan"]


def _check_groups(config: Mapping[str, Any]) -> None:
    for group in GROUPS:
        if not isinstance(config[group], Mapping):
            raise TropnncError(f"{group} = {config[group]} is not accepted; {group}.KEY=VALUE is")
    given = config["method"]["options"]
    if not isinstance(given, Mapping):
        raise TropnncError(f"method.options = {given} is not accepted; {{name: value}} is")


def _dataset(config: Mapping[str, Any]) -> DatasetSettings:
    mean = tuple(real("dataset.mean", value) for value in listed(config["mean"]))
    std = tuple(real("dataset.std", v, low=0.0, open_low=True) for v in listed(config["std"]))
    return DatasetSettings(config["name"], mean, std)


def _arch(config: Mapping[str, Any]) -> ArchSettings:
    known = {"name", "_target_", "checkpoint", "sha256", "optional"}
    rest = {key: value for key, value in config.items() if key not in known}
    return ArchSettings(
        name=config["name"],
        target=config["_target_"],
        options=options(rest),
        checkpoint=config["checkpoint"],
        sha256=config["sha256"],
        optional=config.get("optional", False),
    )


def _train(group: str, config: Mapping[str, Any]) -> TrainSettings:
    check_choice(f"{group}.optimizer", config["optimizer"], ("adam", "sgd"))
    check_choice(f"{group}.schedule", config["schedule"], ("one_cycle", "cosine", "constant"))

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
    )


def _early_stopping(group: str, config: Mapping[str, Any] | None) -> EarlyStopping | None:
    if config is None:
        return None
    name = f"{group}.early_stopping"
    if not isinstance(config, Mapping) or set(config) != {"share", "patience"}:
        raise TropnncError(f"{name} = {config} is not accepted; null or {{share, patience}} is")
    share = real(f"{name}.share", config["share"], 0.0, 0.9, open_low=True)
    return EarlyStopping(share, integer(f"{name}.patience", config["patience"], low=1))


def _finetuning(config: Mapping[str, Any]) -> Finetuning | None:
    from_scratch = config["from_scratch"]
    if not isinstance(from_scratch, bool):
        raise TropnncError(f"finetune.from_scratch = {from_scratch} is not accepted; a truth is")
    last = integer("finetune.epochs", config["epochs"], low=0)
    report = {integer("finetune.report", epoch, low=1) for epoch in listed(config["report"])}
    if last == 0 and not from_scratch:
        return None
    recipe = _train("finetune", config)
    if max(report, default=0) > last:
        raise TropnncError(f"finetune.report = {max(report)} is after finetune.epochs = {last}")
    return Finetuning(recipe, tuple(sorted({*report, last})), from_scratch)


def _scope(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str | int) for name in value):
        # The layers of a Sequential have numbers for names.
        return tuple(str(name) for name in value)
    raise TropnncError(f"scope = {value} is not accepted; all, linear, conv or [names] is")
