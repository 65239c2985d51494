"""Grids: the product, and the same configurations as Hydra composes one by one."""

from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.compose import compose_jobs, expand
from tests.harness.cells import ROOT


@pytest.fixture
def loader() -> Iterator[ConfigLoader]:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield hydra.config_loader


def master(loader: ConfigLoader) -> DictConfig:
    return loader.load_configuration("config", [], RunMode.MULTIRUN)


def test_expand_is_a_product_in_which_arguments_replace_parameters(loader: ConfigLoader) -> None:
    jobs = expand({"method": "l1,l2", "ratio": "0.5,0.25"}, ["ratio=0.1", "seed=0,1"], loader)
    assert jobs == [
        ("method=l1", "ratio=0.1", "seed=0"),
        ("method=l1", "ratio=0.1", "seed=1"),
        ("method=l2", "ratio=0.1", "seed=0"),
        ("method=l2", "ratio=0.1", "seed=1"),
    ]


def test_grids_are_products_that_replace_and_add_and_share_what_they_repeat(
    loader: ConfigLoader,
) -> None:
    params = {"method": "l1,l2", "ratio": "0.5"}
    grids = [{}, {"ratio": "0.25", "seed": "0,1"}, {"method": "l1"}]
    jobs = expand(params, [], loader, grids)
    assert jobs == [
        ("method=l1", "ratio=0.5"),
        ("method=l2", "ratio=0.5"),
        ("method=l1", "ratio=0.25", "seed=0"),
        ("method=l1", "ratio=0.25", "seed=1"),
        ("method=l2", "ratio=0.25", "seed=0"),
        ("method=l2", "ratio=0.25", "seed=1"),
    ]
    assert expand(params, ["ratio=0.1", "seed=0"], loader, grids) == [
        ("method=l1", "ratio=0.1", "seed=0"),
        ("method=l2", "ratio=0.1", "seed=0"),
    ]


def test_composition_equals_hydras_own(loader: ConfigLoader) -> None:
    arguments = ["method=l1,tropnnc", "arch=mlp", "arch.widths=[8],[16,8]", "ratio=0.5,1"]
    jobs = expand({}, [*arguments, "scope=all,[ip1]"], loader)
    main = master(loader)
    for job, config in zip(jobs, compose_jobs(jobs, main, loader), strict=True):
        own = loader.load_sweep_config(main, list(job))
        expected = OmegaConf.to_container(own, resolve=False)
        assert isinstance(expected, dict)
        del expected["hydra"]
        assert OmegaConf.to_container(config, resolve=False) == expected


def test_a_job_without_a_key_has_its_default_whatever_the_jobs_before_it_have(
    loader: ConfigLoader,
) -> None:
    jobs = expand({"method": "l1"}, [], loader, [{"finetune.epochs": 3}, {"ratio": "0.25"}, {}])
    configs = compose_jobs(jobs, master(loader), loader)
    assert [config.finetune.epochs for config in configs] == [3, 0, 0]
    assert [config.ratio for config in configs] == [0.5, 0.25, 0.5]


def test_one_job_does_not_leak_into_the_next(loader: ConfigLoader) -> None:
    jobs = expand({}, ["arch=mlp", "arch.widths=[8],[16,8]"], loader)
    first, second = compose_jobs(jobs, master(loader), loader)
    first.arch.widths.append(99)
    assert second.arch.widths == [16, 8]
