"""A cell that takes milliseconds, and the configuration as the command line composes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.settings import ArchSettings, CellSettings, Component, DatasetSettings, Machine
from experiments.training_settings import TrainSettings

ROOT = Path(__file__).parents[2]

RECIPE = TrainSettings(
    optimizer="adam",
    learning_rate=0.01,
    schedule="one_cycle",
    epochs=1,
    batch=250,
    label_smoothing=0.0,
    weight_decay=0.0,
    shift=1,
)

CELL = CellSettings(
    dataset=DatasetSettings("mnist5k", (0.1307,), (0.3081,)),
    arch=ArchSettings("mlp", "experiments.architectures.MLP", (("widths", (16,)),)),
    train=RECIPE,
    method=Component("l1", (("bias", False),)),
    allocator=Component("uniform"),
    ratio=0.5,
    scope="all",
    order=None,
    seed=0,
    calibration_images=32,
)


def a_cell(method: str = "l1", **changes: Any) -> CellSettings:
    return replace(CELL, method=Component(method), **changes)


def machine(tmp_path: Path) -> Machine:
    return Machine(data_dir=tmp_path / "data", results_dir=tmp_path / "results", device="cpu")


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}
