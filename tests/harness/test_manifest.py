"""Which sweep counts as the experiment that its file describes."""

import pytest
from omegaconf import OmegaConf

from experiments.manifest import experiment_name


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["experiment=quick"], "quick"),
        (["experiment=quick", "results_dir=/elsewhere", "device=cpu"], "quick"),
        (["experiment=quick", "ratio=0.5"], None),
        (["experiment=quick", "train.epochs=1"], None),
    ],
)
def test_an_overridden_experiment_is_another_one(overrides: list[str], name: str | None) -> None:
    hydra = {"runtime": {"choices": {"experiment": "quick"}}, "overrides": {"task": overrides}}
    assert experiment_name(OmegaConf.create(hydra)) == name


def test_a_sweep_without_experiment() -> None:
    hydra = {"runtime": {"choices": {"experiment": None}}, "overrides": {"task": ["ratio=0.5"]}}
    assert experiment_name(OmegaConf.create(hydra)) is None
