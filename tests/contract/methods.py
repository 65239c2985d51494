"""Every method that conf/method names, as the harness would build it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from omegaconf import OmegaConf
from torch import Tensor, nn

from tests.networks import ZOO, build, images
from tropnnc import Report, compress, make_method
from tropnnc.protocols import Reducer
from tropnnc.unit import Tier

FILES = sorted((Path(__file__).parents[2] / "conf" / "method").glob("*.yaml"))
METHODS = [path.stem for path in FILES]
NETWORKS = list(ZOO)


def make(method: str) -> Reducer:
    """The reducer of ``conf/method/<method>.yaml``."""
    path = next(path for path in FILES if path.stem == method)
    config = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(config, dict)
    return make_method(config["name"], **config["options"])


def calibration_for(method: str, network: str) -> Tensor | None:
    """Images for the methods that need any."""
    return images(network, 12, seed=2) if make(method).needs >= Tier.IMAGES else None


def run(method: str, network: str, ratio: float, seed: int = 0) -> tuple[nn.Module, Report]:
    """Compress a fresh network of the zoo."""
    return compress(
        build(network),
        images(network, 2),
        make(method),
        ratio,
        calibration=calibration_for(method, network),
        seed=seed,
    )


@cache
def compressed(method: str, network: str) -> nn.Module:
    """The network at half its width; shared between tests, not to be modified."""
    return run(method, network, 0.5)[0]
