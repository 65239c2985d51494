"""Hydra's multirun, with a sweep that composes fast, knows its size and sums itself up.

Hydra accepts sweepers and launchers from the name space ``hydra_plugins`` alone. Both classes are
thin; torch is imported when the first cell runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from experiments.collector import collector_off
from experiments.compose import compose_jobs, expand
from experiments.console import say
from experiments.stamp import stamp_of


class CellSweeper(Sweeper):
    """Expand the grid and hand all of it to the launcher at once."""

    def __init__(self, params: Mapping[str, Any], grids: Sequence[Mapping[str, Any]] = ()) -> None:
        self.params = params
        self.grids = grids

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the products of the experiment's parameters and the command line."""
        assert self.hydra_context is not None
        assert self.launcher is not None
        jobs = expand(self.params, arguments, self.hydra_context.config_loader, self.grids)
        return self.launcher.launch(jobs, initial_job_idx=0)


class SerialLauncher(Launcher):
    """Run the cells one after the other in this process."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra."""
        self.loader = hydra_context.config_loader
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Compose every job, run the sweep, print its summary; what is finished is only printed."""
        jobs = [tuple(overrides) for overrides in job_overrides]
        stamp = stamp_of(jobs, self.config)
        text = stamp.read() if stamp is not None else None
        if text is not None:
            say(text)
            return []
        with collector_off():
            configs = compose_jobs(jobs, self.config, self.loader)
            from experiments.command import sweep_command  # noqa: PLC0415  (torch: not for --help)

        sweep_command(configs, self.config.hydra, stamp)
        return []
