"""Every method that conf/method names, as the harness would build it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch import Tensor, nn

from tests.networks import ZOO, build, images
from tropnnc import Report, compress, make_method
from tropnnc.protocols import Reducer
from tropnnc.single_output import SingleOutput
from tropnnc.unit import Tier

FOLDER = Path(__file__).parents[2] / "conf" / "method"
METHODS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NETWORKS = list(ZOO)


# Images made from the weights would take minutes as they are asked for.
FEW = {"count": 12, "steps": 2}


@cache
def configuration(method: str) -> dict[str, Any]:
    """``conf/method/<method>.yaml``, merged into what it extends."""
    config = OmegaConf.to_container(OmegaConf.load(FOLDER / f"{method}.yaml"))
    assert isinstance(config, dict)
    extended = [configuration(base) for base in config.pop("defaults", [])]
    merged = OmegaConf.to_container(OmegaConf.merge(*extended, config))
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def make(method: str) -> Reducer:
    """The reducer of ``conf/method/<method>.yaml``."""
    config = configuration(method)
    few = {name: value for name, value in FEW.items() if name in config["options"]}
    return make_method(config["name"], **{**config["options"], **few})


# Zonotope reduction is for units with one output: every unit of one network is.
SINGLE_OUTPUT = [method for method in METHODS if isinstance(make(method), SingleOutput)]
MULTI_OUTPUT = [method for method in METHODS if method not in SINGLE_OUTPUT]
# Methods that rest on positive homogeneity, which ReLU6 and depthwise convolutions do not have.
RESCALING = [
    "ifm",
    "lbyl",
    "misiakos_equalised",
    "neuron_merging",
    "tropnnc_equalised",
    "tropnnc_iterative",
    "tropnnc_iterative_equalised",
    "tropnnc_spherical",
]
# Methods that fit every tap, or scale or shift the consumers' outputs.
SEQUENTIAL = [
    "channel_pruning",
    "composed",
    "corp",
    "gaussian_ls",
    "gaussian_ls_isotropic",
    "sequential_ls",
    "synthetic_ls",
    "tropnnc_gaussian",
    "tropnnc_synthetic",
]
# Methods that are shown images unit by unit, in the network as compressed so far.
FITTED = ["sequential_ls", "synthetic_ls", "tropnnc_synthetic"]
REFUSED = [
    (method, network)
    for method in RESCALING
    for network, architecture in ZOO.items()
    if not architecture.homogeneous
]
PAIRS = [
    *((m, n) for m in MULTI_OUTPUT for n in NETWORKS if (m, n) not in REFUSED),
    *((method, "binary") for method in SINGLE_OUTPUT),
]


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
