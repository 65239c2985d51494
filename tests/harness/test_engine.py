"""Engines: what a launcher's options become, down to the file that sbatch would be given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.engine import Engine, engine_settings, open_executor
from tests.harness.cells import ROOT
from tests.harness.clusters import a_cluster
from tropnnc import TropnncError

WITHOUT_THE_EXTRA = """
import runpy, sys
import hydra_plugins
hydra_plugins.__path__ = ["experiments/plugins/hydra_plugins"]
sys.argv = ["run.py", "-m", "seed=0", "hydra/launcher=submitit_slurm"]
runpy.run_path("run.py", run_name="__main__")
"""


def engine_of(*overrides: str) -> Engine | None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        lines = ["hydra.job.name=run", *overrides]
        config = compose("config", lines, return_hydra_config=True)
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, ["workers", "cells_per_job"]))
    assert isinstance(plain, dict)
    return engine_settings(config.hydra.launcher, {str(key): plain[key] for key in plain})


def test_the_default_is_no_engine() -> None:
    assert engine_of() is None


def test_processes_on_this_machine(tmp_path: Path) -> None:
    engine = engine_of(
        *("hydra/launcher=submitit_local", "workers=3", "cells_per_job=7"),
        f"results_dir={tmp_path}",
    )
    assert engine is not None
    assert (engine.cluster, engine.at_a_time, engine.cells_per_job) == ("local", 3, 7)
    assert engine.options["submitit_folder"] == f"{tmp_path}/runs/submitit/.submitit/%j"
    assert engine.environment["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra/launcher=basic"], "BasicLauncher is not accepted; serial, submitit_local, sub"),
        (["hydra/launcher=submitit_local", "workers=0"], "workers = 0 is not accepted; an integer"),
        (["hydra/launcher=submitit_local", "cells_per_job=no"], "cells_per_job = no is not"),
        (
            ["hydra/launcher=submitit_slurm", "hydra.launcher.tasks_per_node=2"],
            "hydra.launcher.tasks_per_node = 2 is not accepted; 1 is",
        ),
    ],
)
def test_what_is_not_accepted(overrides: list[str], message: str) -> None:
    with pytest.raises(TropnncError, match=message):
        engine_of(*overrides)


def test_the_sbatch_file_says_what_the_command_line_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = a_cluster(tmp_path / "cluster", monkeypatch, runs=False)
    engine = engine_of(
        *("hydra/launcher=submitit_slurm", f"results_dir={tmp_path}"),
        *("hydra.launcher.partition=gpu", "hydra.launcher.gpus_per_node=1"),
        *("hydra.launcher.timeout_min=90", "hydra.launcher.cpus_per_task=4"),
        *("hydra.launcher.array_parallelism=16", "hydra.launcher.mem_gb=12"),
        *("hydra.launcher.setup=[module load cuda]", "hydra.launcher.account=tropical"),
    )
    assert engine is not None
    assert engine.at_a_time == 16
    jobs = open_executor(engine).submit_array([dict] * 40)
    assert [job.job_id for job in jobs] == [f"77_{index}" for index in range(40)]
    lines = (cluster / "submitted.sh").read_text().splitlines()
    assert {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")} >= {
        *("partition=gpu", "gpus-per-node=1", "time=90", "cpus-per-task=4", "array=0-39%16"),
        *("mem=12GB", "account=tropical", "ntasks-per-node=1", "nodes=1", "job-name=run"),
    }
    setup = lines.index("# setup")
    assert lines[setup + 1] == "export OMP_NUM_THREADS='4'"
    assert lines[setup + 2].startswith(f"export PYTHONPATH='{ROOT}")
    assert lines[setup + 3] == "module load cuda"
    [command] = [line for line in lines if line.startswith("srun ")]
    assert f"{sys.executable} -u -m submitit.core._submit {tmp_path}/runs/submitit" in command


def test_where_there_is_no_slurm_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = engine_of("hydra/launcher=submitit_slurm", f"results_dir={tmp_path}")
    assert engine is not None
    with pytest.raises(TropnncError, match=r'submitit_slurm: Could not detect "srun"'):
        open_executor(engine)


def test_without_the_extra_one_line_names_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    needs = "needs the extra `scale`: pip install -e '.[bench,scale]'"
    assert done.stderr == f"run.py: hydra/launcher=submitit_slurm {needs}\n"
