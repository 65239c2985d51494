"""Synthetic images on disk: one safetensors file that says where they come from, and a sheet.

Pixels are stored in float16: the last step of their making rounds them to it, so that the file
loses nothing of what methods are given.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic
from tropnnc.hashing import digest
from tropnnc.imagination.images import Images
from tropnnc.imagination.origin import Origin
from tropnnc.imagination.recipe import Recipe
from tropnnc.imagination.sheet import contact_sheet
from tropnnc.unit import Pixels

FORMAT = 1
_TENSOR, _FACTS, _CHECKSUM = "images", "facts", "checksum"


def save_images(images: Images, path: str | Path) -> None:
    """Write ``images`` to ``path`` and a contact sheet of them to ``path.png``, each whole."""
    stored = images.tensor.half().contiguous()
    facts = {
        "format": FORMAT,
        "identity": images.origin.identity,
        **images.origin.determinants(),
        "source": images.source,
        "loss": {"before": images.before, "after": images.after},
        "sha256": _sha256(stored),
    }
    sealed = json.dumps({**facts, _CHECKSUM: digest(facts)}, sort_keys=True)
    write_atomic(sheet_path(path), contact_sheet(images.tensor, images.origin.pixels))
    # One entry of metadata: safetensors writes several in any order, another one each time.
    write_atomic(path, safetensors.torch.save({_TENSOR: stored}, {_FACTS: sealed}))


def load_images(path: str | Path) -> Images:
    """The images that :func:`save_images` wrote to ``path``.

    Raises:
        TropnncError: there is no such file, it is damaged, or holds something else.
    """
    if not Path(path).is_file():
        raise TropnncError(f"{path}: no such file")
    facts, stored = _read(Path(path))
    if facts["format"] != FORMAT:
        raise TropnncError(f"{path}: format {facts['format']} of images, accepted is {FORMAT}")
    if facts["sha256"] != _sha256(stored):
        raise TropnncError(f"{path}: damaged (its images and their sha256 differ)")
    loss = facts["loss"]
    return Images(stored.float(), _origin(facts), facts["source"], loss["before"], loss["after"])


def sheet_path(path: str | Path) -> Path:
    """Where the contact sheet of the images at ``path`` is."""
    return Path(f"{path}.png")


def _read(path: Path) -> tuple[dict[str, Any], Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            sealed, names = (file.metadata() or {}).get(_FACTS, "{}"), list(file.keys())
            facts = json.loads(sealed)
            intact = facts.pop(_CHECKSUM, None) == digest(facts)
            if names == [_TENSOR] and intact:
                return facts, file.get_tensor(_TENSOR)
    except (SafetensorError, OSError, ValueError) as error:
        said = str(error).strip().partition("\n")[0]
        raise TropnncError(f"{path}: not a readable file of images: {said}") from error
    raise TropnncError(f"{path}: damaged, or not a file of tropnnc imagine")


def _origin(facts: dict[str, Any]) -> Origin:
    pixels = Pixels(**{name: tuple(values) for name, values in facts["pixels"].items()})
    shape = tuple(facts["shape"])
    recipe = Recipe(**facts["recipe"])
    return Origin(facts["weights"], shape, recipe, pixels, facts["seed"], facts["version"])


def _sha256(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
