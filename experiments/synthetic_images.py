"""Synthetic images on disk: made once for a dense network, shared by its ratios and methods."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from experiments.damage import set_aside
from experiments.determinism import deterministic, one_thread
from experiments.locks import is_busy, lock
from experiments.network_files import read_facts
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic
from tropnnc.imagination import (
    Images,
    Origin,
    Recipe,
    Snapshot,
    imagine,
    load_images,
    origin_of,
    save_images,
    sheet_path,
)
from tropnnc.unit import Pixels


@dataclass(frozen=True, eq=False)
class SyntheticImages:
    """Images and what they cost: a method that uses them answers for their making too."""

    images: Images
    seconds: float


def synthetic_images(
    model: nn.Module,
    shape: tuple[int, ...],
    recipe: Recipe,
    pixels: Pixels,
    seed: int,
    runs_dir: Path,
) -> SyntheticImages:
    """The images of the dense network ``model`` from disk, or made now by one process at a time.

    They are in ``runs_dir/images``, named by the hash of weights, shape, recipe, pixels and seed,
    with a contact sheet and the seconds that their making took. Damaged files are set aside; a
    making that was killed goes on from its last snapshot, to the same bytes.
    """
    origin = origin_of(model, shape, recipe, pixels, seed)
    stored = _stored(origin, runs_dir)
    if stored is not None:
        return stored
    with lock(runs_dir, origin.identity):
        return _stored(origin, runs_dir) or _make(model, origin, runs_dir)


def are_being_made(origin: Origin, runs_dir: Path) -> bool:
    """Whether another process makes the images of ``origin`` now."""
    return not images_file(origin, runs_dir).exists() and is_busy(runs_dir, origin.identity)


def images_file(origin: Origin, runs_dir: Path) -> Path:
    """Where the images of ``origin`` are, made or not."""
    return runs_dir / "images" / f"{origin.identity}.safetensors"


def _stored(origin: Origin, runs_dir: Path) -> SyntheticImages | None:
    path = images_file(origin, runs_dir)
    seconds = read_facts(_facts(path)).get("seconds")
    if seconds is None or not path.exists():  # one without the other was never finished
        return None
    try:
        return SyntheticImages(load_images(path), seconds)
    except TropnncError as error:
        for file in (path, sheet_path(path), _facts(path)):
            set_aside(file, runs_dir / "damaged", str(error))
        return None


def _make(model: nn.Module, origin: Origin, runs_dir: Path) -> SyntheticImages:
    path, seed = images_file(origin, runs_dir), origin.seed
    snapshot = Snapshot(runs_dir / "imaginations" / origin.identity)
    with deterministic(seed), one_thread():
        images = imagine(model, origin.shape, origin.recipe, origin.pixels, seed, snapshot)
    seconds = round(snapshot.seconds, 4)
    save_images(images, path)
    # Written last: it makes the files valid.
    write_atomic(_facts(path), json.dumps({"seconds": seconds}).encode())
    snapshot.discard()
    return SyntheticImages(images, seconds)


def _facts(path: Path) -> Path:
    return path.with_suffix(".json")
