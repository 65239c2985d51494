"""Hydra's multirun, with a sweep that composes fast, knows its size and sums itself up.

Hydra accepts sweepers from the name space ``hydra_plugins`` alone. The class is thin; torch is
imported when the first cell runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from experiments.collector import collector_off
from experiments.compose import compose_jobs, expand
from experiments.console import say
from experiments.stamp import stamp_of


class CellSweeper(Sweeper):
    """Expand the grid and run all of it, here or in jobs.

    ``hydra.launcher`` is read, not instantiated: Hydra's launchers know nothing of finished cells,
    and give up the sweep at the first job that is lost.
    """

    def __init__(self, params: Mapping[str, Any], grids: Sequence[Mapping[str, Any]] = ()) -> None:
        self.params = params
        self.grids = grids

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra."""
        self.hydra_context = hydra_context
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the products of the experiment's parameters and the command line.

        At the end there is a summary; what is finished is only printed.
        """
        assert self.hydra_context is not None
        assert self.config is not None
        loader = self.hydra_context.config_loader
        jobs = expand(self.params, arguments, loader, self.grids)
        stamp = stamp_of(jobs, self.config)
        text = stamp.read() if stamp is not None else None
        if text is not None:
            say(text)
            return
        with collector_off():
            configs = compose_jobs(jobs, self.config, loader)
            from experiments.command import sweep_command  # noqa: PLC0415  (torch: not for --help)

        sweep_command(configs, self.config.hydra, stamp)
