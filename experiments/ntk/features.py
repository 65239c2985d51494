"""Features of CIFAR-10 images: what the last layer of the published ResNet-56 reads.

A stand-in: the paper used a VGG-19 trunk, which is not published with it.
"""

from __future__ import annotations

import copy
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor, nn

from experiments.bench import open_bench
from experiments.data import normalise
from experiments.determinism import one_thread
from experiments.evaluation import batches, laid_out
from experiments.identity import digest
from experiments.networks import obstacle
from experiments.ntk.settings import DataName
from experiments.parsing import cell_settings
from experiments.settings import CellSettings, Machine
from tropnnc.files import write_atomic

CONF = Path(__file__).parents[2] / "conf"


def missing(name: DataName, machine: Machine) -> str | None:
    """Why the cells of a data set are skipped: published weights that are not at hand."""
    return obstacle(_trunk_cell(), machine) if name == "cifar10_features" else None


def trunk_features(images: Tensor, machine: Machine) -> Tensor:
    """Features ``[n, 64]`` of uint8 ``images [n, 3, 32, 32]``, computed once and kept on disk.

    Raises:
        TropnncError: data or weights that are not accepted.
    """
    bench = open_bench(_trunk_cell(), machine)
    content = hashlib.sha256(images.numpy().tobytes()).hexdigest()
    name = digest([bench.checkpoint, content])
    path = machine.runs_dir / "ntk" / "features" / f"{name}.safetensors"
    if path.exists():
        return safetensors.torch.load_file(path)["features"]
    trunk = copy.deepcopy(bench.model)
    trunk.linear = nn.Identity()
    with torch.inference_mode(), one_thread():
        parts = [trunk(laid_out(normalise(batch, bench.settings))) for batch in batches(images)]
    features = torch.cat(parts).clone()
    write_atomic(path, safetensors.torch.save({"features": features}))
    return features


@lru_cache(maxsize=1)
def _trunk_cell() -> CellSettings:
    """The suite's settings of that network."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", ["dataset=cifar10", "arch=cifar10_resnet56"])
    return cell_settings(cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True)))
