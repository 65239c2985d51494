"""Cells from overrides of ``run.py``, and from the grid of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.compose import Job, compose_jobs, expand
from experiments.parsing import cell_settings, machine_settings
from experiments.settings import CellSettings, Machine

CONF = Path(__file__).parents[2] / "conf"


def cell_of(overrides: Sequence[str]) -> CellSettings:
    """The cell that ``python run.py OVERRIDES`` runs."""
    with _config_loader() as loader:
        return _cells([tuple(overrides)], _master(loader), loader)[0]


def experiment_cells(
    experiment: str, keep: Callable[[Job], bool] = lambda _: True
) -> list[CellSettings]:
    """The cells of ``conf/experiment/EXPERIMENT.yaml``, in the order of its grid.

    Only those whose overrides ``keep`` accepts are composed, which is what takes time.
    """
    with _config_loader() as loader:
        master = _master(loader, f"experiment={experiment}")
        sweeper = master.hydra.sweeper
        jobs = expand(sweeper.params, [f"experiment={experiment}"], loader, sweeper.grids)
        return _cells([job for job in jobs if keep(job)], master, loader)


def machine_of(overrides: Sequence[str]) -> Machine:
    """Paths and device of ``python run.py OVERRIDES``."""
    with _config_loader() as loader:
        [config] = compose_jobs([tuple(overrides)], _master(loader), loader)
        return machine_settings(_resolved(config))


@contextmanager
def _config_loader() -> Iterator[ConfigLoader]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield hydra.config_loader


def _master(loader: ConfigLoader, *overrides: str) -> DictConfig:
    return loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)


def _cells(jobs: Sequence[Job], master: DictConfig, loader: ConfigLoader) -> list[CellSettings]:
    return [cell_settings(_resolved(config)) for config in compose_jobs(jobs, master, loader)]


def _resolved(config: DictConfig) -> dict[str, object]:
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
