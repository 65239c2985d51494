"""From the configuration of a distillation to its settings, every value checked."""

from __future__ import annotations

from typing import Any

from experiments.training_settings import Distillation, Finetuning
from experiments.values import integer
from tropnnc.errors import TropnncError, check_choice


def distillation_settings(config: Any) -> Distillation | None:
    """``finetune.distil``; None where it has no source.

    Raises:
        TropnncError: a value out of range, with what is accepted.
    """
    if not isinstance(config, dict):
        raise TropnncError(
            f"finetune.distil = {config} is not accepted; finetune.distil.KEY=VALUE is"
        )
    source = config["source"]
    if source is None:
        return None
    check_choice("finetune.distil.source", source, ("images", "synthetic"))
    count = integer("finetune.distil.count", config["count"], low=2)
    if source == "images":
        return Distillation(source, count)
    lowest = {"steps": 0, "batch": 3}
    given = {key: config[key] for key in lowest if config[key] is not None}
    making = {key: integer(f"finetune.distil.{key}", v, lowest[key]) for key, v in given.items()}
    return Distillation(source, count, **making)


def check_distillation(tuning: Finetuning) -> None:
    """Raise :class:`TropnncError` where ``tuning`` asks a distillation for what needs labels.

    Nor can it be shared: the other processes do not have the dense network.
    """
    if tuning.distillation is None:
        return
    for key, value, accepted in (
        ("learning_rate", list(tuning.rates), "one is: a choice looks at labels"),
        ("label_smoothing", tuning.recipe.label_smoothing, "0 is: there are no labels"),
        ("processes", tuning.processes if tuning.processes > 1 else 0, "1 is"),
    ):
        if value:
            raise TropnncError(
                f"finetune.{key} = {value} is not accepted with finetune.distil; {accepted}"
            )
