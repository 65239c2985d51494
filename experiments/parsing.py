"""From the resolved configuration to settings, every value checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from experiments.communication.options import communication_settings
from experiments.data.preprocessing import PREPROCESSINGS
from experiments.distillation_options import check_distillation, distillation_settings
from experiments.recipes import train_settings
from experiments.settings import (
    ArchSettings,
    CellSettings,
    Component,
    DatasetSettings,
    Machine,
    Rescaling,
    TestSplit,
)
from experiments.training_settings import Finetuning
from experiments.values import folder, integer, listed, options, real, truth
from tropnnc.allocation import stated_options
from tropnnc.errors import TropnncError, check_choice
from tropnnc.protocols import ORDERS

GROUPS = (
    *("dataset", "arch", "train", "method", "calibration", "recalibrate", "finetune"),
    *("rescale", "geometry", "test", "comm"),
)


def cell_settings(config: Mapping[str, Any]) -> CellSettings:
    """The settings of a resolved configuration.

    Raises:
        TropnncError: a value out of range, with what is accepted.
    """
    _check_groups(config)
    order = config["order"]
    if order is not None:
        check_choice("order", order, ORDERS)
    finetuning = _finetuning(config["finetune"], config["comm"])
    method = Component(config["method"]["name"], options(config["method"]["options"]))
    if finetuning is not None and finetuning.from_scratch:
        method = Component("random")  # the widths are all that it leaves
    return CellSettings(
        dataset=_dataset(config["dataset"]),
        arch=_arch(config["arch"]),
        train=train_settings("train", config["train"]),
        method=method,
        allocator=_allocator(config["allocator"]),
        ratio=real("ratio", config["ratio"], low=0.0, high=1.0, open_low=True),
        scope=_scope(config["scope"]),
        order=order,
        seed=integer("seed", config["seed"], low=0),
        calibration_images=integer("calibration.images", config["calibration"]["images"], low=1),
        recalibration_images=integer("recalibrate.images", config["recalibrate"]["images"], low=0),
        finetuning=finetuning,
        rescaling=_rescaling(config["rescale"]),
        geometry_images=integer("geometry.images", config["geometry"]["images"], low=0),
        method_seed=integer("method_seed", config["method_seed"], low=0),
        test_images=integer("test.images", config["test"]["images"], low=0),
        test_split=_test_split(config["test"]["split"], finetuning),
    )


def machine_settings(config: Mapping[str, Any]) -> Machine:
    """Paths and device of a resolved configuration."""
    check_choice("device", config["device"], ("auto", "cpu", "cuda", "mps"))
    return Machine(
        folder("data_dir", config["data_dir"]),
        folder("results_dir", config["results_dir"]),
        config["device"],
        truth("train_missing", config["train_missing"]),
        integer("decoders", config["decoders"], low=0),
    )


def plan_only(config: Mapping[str, Any]) -> bool:
    """Whether the configuration asks for a plan instead of a run."""
    return truth("plan", config["plan"])


def _check_groups(config: Mapping[str, Any]) -> None:
    for group in GROUPS:
        if not isinstance(config[group], Mapping):
            raise TropnncError(f"{group} = {config[group]} is not accepted; {group}.KEY=VALUE is")
    given = config["method"]["options"]
    if not isinstance(given, Mapping):
        raise TropnncError(f"method.options = {given} is not accepted; {{name: value}} is")


def _allocator(value: object) -> Component:
    """A name, or name and options; those at their default are left out, as before they existed."""
    given = value if isinstance(value, Mapping) else {"name": value}
    name, chosen = given.get("name"), given.get("options", {})
    known = given.keys() <= {"name", "options"}
    if not (known and isinstance(name, str) and isinstance(chosen, Mapping)):
        accepted = "NAME or {name: NAME, options: {KEY: VALUE}}"
        raise TropnncError(f"allocator = {value} is not accepted; {accepted} is")
    return Component(name, options(stated_options(name, chosen)))


def _dataset(config: Mapping[str, Any]) -> DatasetSettings:
    mean = tuple(real("dataset.mean", value) for value in listed(config["mean"]))
    std = tuple(real("dataset.std", v, low=0.0, open_low=True) for v in listed(config["std"]))
    preprocess = config.get("preprocess")
    if preprocess is not None:
        check_choice("dataset.preprocess", preprocess, tuple(PREPROCESSINGS))
    return DatasetSettings(config["name"], mean, std, preprocess)


def _arch(config: Mapping[str, Any]) -> ArchSettings:
    known = {"name", "_target_", "checkpoint", "sha256", "optional", "url", "weights"}
    rest = {key: value for key, value in config.items() if key not in known}
    return ArchSettings(
        name=config["name"],
        target=config["_target_"],
        options=options(rest),
        checkpoint=config["checkpoint"],
        sha256=config["sha256"],
        optional=config.get("optional", False),
        url=config.get("url"),
        weights=config.get("weights"),
    )


def _finetuning(config: Mapping[str, Any], comm: Mapping[str, Any]) -> Finetuning | None:
    from_scratch = truth("finetune.from_scratch", config["from_scratch"])
    last = integer("finetune.epochs", config["epochs"], low=0)
    report = {integer("finetune.report", epoch, low=1) for epoch in listed(config["report"])}
    if last == 0 and not from_scratch:
        communication_settings(comm, 0)
        return None
    distillation = distillation_settings(config["distil"])
    rates = _rates(config["learning_rate"])
    recipe = train_settings("finetune", {**config, "learning_rate": rates[0]})
    if max(report, default=0) > last:
        raise TropnncError(f"finetune.report = {max(report)} is after finetune.epochs = {last}")
    several = rates if len(rates) > 1 else ()
    processes = integer("finetune.processes", config["processes"], low=1)
    reported = tuple(sorted({*report, last}))
    images = integer("finetune.images", config["images"], low=0)
    communication = communication_settings(comm, processes)
    tuning = Finetuning(
        recipe, reported, from_scratch, several, processes, distillation, images, communication
    )
    check_distillation(tuning)
    return tuning


def _rates(value: object) -> tuple[float, ...]:
    """One learning rate, or several to choose from."""
    rates = tuple(real("finetune.learning_rate", v, 0.0, open_low=True) for v in listed(value))
    if not rates or len(set(rates)) < len(rates):
        raise TropnncError(
            f"finetune.learning_rate = {value} is not accepted; a rate, or different ones, are"
        )
    return rates


def _test_split(value: Any, finetuning: Finetuning | None) -> TestSplit:
    check_choice("test.split", value, get_args(TestSplit))
    if value == "validation" and finetuning is not None and finetuning.rates:
        raise TropnncError(
            "test.split = validation is not accepted with learning rates to choose from on it"
        )
    return value


def _rescaling(config: Mapping[str, Any]) -> Rescaling | None:
    seed = integer("rescale.seed", config["seed"], low=0)
    spread = real("rescale.spread", config["spread"], low=0.0)
    return Rescaling(seed, spread) if seed else None


def _scope(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str | int) for name in value):
        # The layers of a Sequential have numbers for names.
        return tuple(str(name) for name in value)
    raise TropnncError(f"scope = {value} is not accepted; all, linear, conv or [names] is")
