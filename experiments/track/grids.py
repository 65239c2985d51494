"""Experiments of a track: files of ``conf/TRACK/experiment``, composed by Hydra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.settings import Machine
from experiments.values import folder
from tropnnc.errors import TropnncError, check_choice

CONF = Path(__file__).parents[2] / "conf"
# What may be said on the command line: all else is what an experiment's name stands for.
PLACES = ("data_dir", "results_dir")
DEVICES = ("auto", "cpu", "cuda", "mps")


def names_of(conf: Path) -> list[str]:
    """Names of all experiments of the track configured in ``conf``."""
    return sorted(path.stem for path in (conf / "experiment").glob("*.yaml"))


def composed_experiment(
    conf: Path, name: str, overrides: Sequence[str] = (), places: Sequence[str] = PLACES
) -> tuple[dict[str, Any], Machine]:
    """The configuration of an experiment, resolved, and where it runs.

    Args:
        conf: folder of the track.
        name: of the experiment.
        overrides: ``KEY=VALUE`` with a key of ``places``.
        places: what determines no result; ``device`` is the CPU where it is none of them.

    Raises:
        TropnncError: no such experiment, or an override or a place that is not accepted.
    """
    if name not in names_of(conf):
        raise TropnncError(f"no experiment {name!r}; accepted are {', '.join(names_of(conf))}")
    for override in overrides:
        if override.partition("=")[0] not in places:
            raise TropnncError(
                f"{override!r} is not accepted; {' and '.join(places)} are, and grids of one's own"
                f" as a file in {conf / 'experiment'}"
            )
    with initialize_config_dir(str(conf), version_base="1.3"):
        composed = compose("config", [f"experiment={name}", *overrides])
    config = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True))
    device = config["device"] if "device" in places else "cpu"
    check_choice("device", device, DEVICES)
    data, results = (folder(key, config[key]) for key in PLACES)
    return config, Machine(data, results, device)
