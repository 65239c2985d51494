"""Dense networks by their short names: the suite's own, with its recipes."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from omegaconf import OmegaConf

from experiments.check.composing import cell_of
from experiments.settings import CellSettings
from experiments.track.grids import CONF
from tropnnc.errors import check_choice


@lru_cache(maxsize=1)
def networks() -> dict[str, list[str]]:
    """Overrides of the benchmark's configuration by network."""
    read = OmegaConf.to_container(OmegaConf.load(CONF / "relatives" / "networks.yaml"))
    return cast("dict[str, list[str]]", read)


@lru_cache(maxsize=16)
def suite_cell(network: str, seed: int, test_images: int = 0) -> CellSettings:
    """A cell of the benchmark on that network: what opens, trains and narrows it.

    Raises:
        TropnncError: no such network.
    """
    check_choice("network", network, tuple(networks()))
    own = [f"seed={seed}", f"test.images={test_images}"]
    return cell_of([*networks()[network], *own])
