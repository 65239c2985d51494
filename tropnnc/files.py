"""Read and write networks; whatever else the library writes goes through ``write_atomic``."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import struct
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from tropnnc.errors import TropnncError
from tropnnc.resizing import SIZED, resize
from tropnnc.storage import MAGIC, restore

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
RECIPE_FILE = "recipe.json"
_UNREADABLE = (SafetensorError, RuntimeError, EOFError, OSError, ValueError)
# Whatever torch's reader of pickles raises on bytes that are none, and where it refuses to go on.
_NO_PICKLE = (
    pickle.UnpicklingError, LookupError, TypeError, AttributeError, AssertionError, struct.error,
)  # fmt: skip
PREFIX = "module."  # of all names where DistributedDataParallel wrapped the network


def write_atomic(path: str | Path, data: bytes) -> None:
    """Write ``data`` to ``path`` whole or not at all (temporary file, fsync, rename)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            error.filename = str(path)  # what failed for the caller, who knows of no other name
        raise


def save_compressed(small: nn.Module, path: str | Path) -> None:
    """Write ``small`` to the folder ``path``: safetensors weights and a JSON recipe of widths."""
    folder = Path(path)
    tensors = _untied(small)
    weights = safetensors.torch.save(tensors)
    recipe = {
        "format": FORMAT,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "layers": {
            name: {key: list(p.shape) for key, p in module.named_parameters(recurse=False)}
            for name, module in small.named_modules()
            if isinstance(module, SIZED)
        },
    }
    write_atomic(folder / WEIGHTS_FILE, weights)
    write_atomic(folder / RECIPE_FILE, json.dumps(recipe, indent=1).encode() + b"\n")


def load_compressed(path: str | Path, model: nn.Module) -> nn.Module:
    """The network saved at ``path``, rebuilt from ``model``, a network of the dense architecture.

    ``model`` itself is not modified; training mode and ``requires_grad`` are taken from it.

    Raises:
        TropnncError: missing or damaged files, or an architecture that does not fit.
    """
    folder = Path(path)
    recipe, tensors = _read_recipe(folder), load_weights(folder / WEIGHTS_FILE)
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    if digest != recipe["sha256"]:
        raise TropnncError(f"{folder / WEIGHTS_FILE}: its sha256 is not the recipe's; damaged?")
    small = copy.deepcopy(model)
    for name, shapes in recipe["layers"].items():
        resize(small, name, shapes, tensors)
    load_state(small, tensors, str(folder))
    return small


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """A state dict from a file of :func:`tropnnc.storage.store`, safetensors or ``torch.save``.

    A dict under ``state_dict`` or ``model`` is unwrapped; a prefix ``module.`` that all names have
    is removed.

    Raises:
        TropnncError: the file is missing, damaged or holds no state dict.
    """
    path = Path(path)
    _check_file(path)
    try:
        loaded = _read(path)
    except TropnncError as error:
        raise TropnncError(f"{path}: {error}") from error
    except (*_NO_PICKLE, *_UNREADABLE) as error:
        said = str(error).strip().partition("\n")[0] or "damaged"
        reason = "damaged, or it holds more than tensors" if isinstance(error, _NO_PICKLE) else said
        raise TropnncError(f"{path}: not a readable weights file: {reason}") from error
    for key in ("state_dict", "model"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping) or not all(isinstance(t, Tensor) for t in loaded.values()):
        raise TropnncError(f"{path}: holds no state dict (a mapping of names to tensors)")
    named = {str(name): tensor for name, tensor in loaded.items()}
    prefix = PREFIX if all(name.startswith(PREFIX) for name in named) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in named.items()}


def load_state(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load ``tensors`` into ``model``, every name and shape accounted for.

    A missing ``num_batches_tracked`` is no fault: it does not enter the function.

    Raises:
        TropnncError: a name or a shape does not fit.
    """
    wanted = model.state_dict()
    tied = set(wanted) - set(_untied(model))
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = sorted(set(wanted) - set(tensors) - counters - tied)
    unexpected = sorted(set(tensors) - set(wanted))
    if missing or unexpected:
        what = f"misses {missing[0]}" if missing else f"has an unexpected {unexpected[0]}"
        raise TropnncError(f"{source} does not fit the architecture: {what}")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)}, the architecture has {tuple(wanted[name].shape)}"
            raise TropnncError(f"{source} does not fit the architecture: {name} is {shapes}")
    model.load_state_dict(dict(tensors), strict=False)


def _check_file(path: Path) -> None:
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise TropnncError(f"{path}: {error.strerror}") from error
    if not is_file:
        raise TropnncError(f"{path}: {'a folder, not a file' if is_folder else 'no such file'}")


def _read(path: Path) -> Any:
    if _is_stored(path):
        return restore(path.read_bytes())
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_stored(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _read_recipe(folder: Path) -> dict[str, Any]:
    path = folder / RECIPE_FILE
    try:
        recipe = json.loads(path.read_text())
        known = recipe["format"] == FORMAT and {"sha256", "layers"} <= set(recipe)
    except FileNotFoundError as error:
        raise TropnncError(f"{path}: no such file") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TropnncError(f"{path}: not a recipe of a compressed network") from error
    if not known:
        raise TropnncError(f"{path}: recipe format {recipe['format']}, accepted is {FORMAT}")
    return recipe


def _untied(model: nn.Module) -> dict[str, Tensor]:
    """The state dict with each shared tensor once, contiguous."""
    seen: set[int] = set()
    tensors = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor.detach().contiguous()
    return tensors
