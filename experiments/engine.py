"""Where the jobs of a sweep run: here, in processes of their own, or on a Slurm cluster.

Options and their names are those of hydra-submitit-launcher; it submits through submitit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig, OmegaConf

from experiments.values import integer
from tropnnc.errors import TropnncError

if TYPE_CHECKING:
    from submitit import Executor

ROOT = Path(__file__).parents[1]
_PLUGIN = "hydra_plugins.hydra_submitit_launcher.submitit_launcher."
_CLUSTERS: dict[str, Literal["local", "slurm"]] = {
    f"{_PLUGIN}LocalLauncher": "local",
    f"{_PLUGIN}SlurmLauncher": "slurm",
}


@dataclass(frozen=True)
class Engine:
    """What runs jobs.

    Attributes:
        cluster: submitit's name of it.
        options: of hydra-submitit-launcher.
        at_a_time: jobs that run beside each other.
        cells_per_job: at most, all of one dense network.
    """

    cluster: Literal["local", "slurm"]
    options: Mapping[str, Any]
    at_a_time: int
    cells_per_job: int

    @property
    def environment(self) -> dict[str, str]:
        """What a job needs: as many threads as it was given processors, and these packages."""
        inherited = os.environ.get("PYTHONPATH")
        return {
            "OMP_NUM_THREADS": str(self.options["cpus_per_task"] or 1),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *([inherited] if inherited else [])]),
        }


def engine_settings(launcher: DictConfig, config: Mapping[str, Any]) -> Engine | None:
    """The engine that ``hydra.launcher`` and the configuration of a cell ask for; None: none.

    Raises:
        TropnncError: another launcher, or a number that is not accepted.
    """
    options = OmegaConf.to_container(launcher, resolve=True)
    assert isinstance(options, dict)
    given = {str(key): value for key, value in options.items()}
    target = given.pop("_target_", None)
    if target is None:
        return None
    if target not in _CLUSTERS:
        raise TropnncError(
            f"hydra/launcher {target} is not accepted; serial, submitit_local, submitit_slurm are"
        )
    for name in ("nodes", "tasks_per_node"):
        if given[name] != 1:
            raise TropnncError(f"hydra.launcher.{name} = {given[name]} is not accepted; 1 is")
    workers = integer("workers", config["workers"], low=1)
    cluster = _CLUSTERS[target]
    return Engine(
        cluster,
        given,
        at_a_time=workers if cluster == "local" else given["array_parallelism"],
        cells_per_job=integer("cells_per_job", config["cells_per_job"], low=1),
    )


def open_executor(engine: Engine) -> Executor:
    """What submits the jobs of ``engine``.

    Raises:
        TropnncError: there is no Slurm here.
    """
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf  # noqa: PLC0415 (extra)
    from submitit import AutoExecutor  # noqa: PLC0415  (of the extra `scale`)

    options = dict(engine.options)
    folder, timeouts = options.pop("submitit_folder"), options.pop("max_num_timeout", 0)
    if engine.cluster == "slurm":
        exports = [f"export {name}='{value}'" for name, value in engine.environment.items()]
        options["setup"] = [*exports, *(options["setup"] or [])]
    shared = {field.name for field in fields(BaseQueueConf)}
    try:
        executor = AutoExecutor(folder, engine.cluster, slurm_max_num_timeout=timeouts)
    except RuntimeError as error:
        raise TropnncError(f"hydra/launcher=submitit_{engine.cluster}: {error}") from error
    executor.update_parameters(
        **{name if name in shared else f"slurm_{name}": value for name, value in options.items()}
    )
    return executor
