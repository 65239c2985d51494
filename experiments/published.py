"""Published weights: from a path, a name or a URL, checked, never trusted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from experiments.damage import set_aside
from experiments.identity import weights_hash
from experiments.named_weights import fetch, is_named, named_file
from experiments.settings import ArchSettings
from tropnnc.errors import TropnncError
from tropnnc.files import load_state, load_weights, write_atomic


def load_published(model: nn.Module, arch: ArchSettings, runs_dir: Path) -> None:
    """Load ``arch.checkpoint`` (or what ``arch.url`` has) into ``model``.

    Raises:
        TropnncError: file absent, unreadable, of another sha256, with other names or shapes, with
            NaN or infinite weights, or other weights than those of the hash ``arch.weights``.
    """
    arch = _at_hand(arch)
    source = str(arch.checkpoint)
    path = local_file(arch, runs_dir)
    try:
        if arch.sha256:
            _check_sha256(path.read_bytes(), source, arch.sha256)
        state = load_weights(path)
    except OSError as error:
        raise TropnncError(f"{source}: not a readable weights file ({error.strerror})") from error
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise TropnncError(f"{source}: {name} has NaN or infinite weights")
    load_state(model, state, source)
    found = weights_hash(model.state_dict())
    if arch.weights and found != arch.weights:
        raise TropnncError(f"{source}: the hash of its tensors is {found}, not {arch.weights}")


def local_file(arch: ArchSettings, runs_dir: Path) -> Path:
    """The file of ``arch.checkpoint``, a path, a name or a URL, which is downloaded once.

    A download that does not have ``arch.sha256`` any more is set aside and fetched anew; a file of
    the user's own is left where it is.

    Raises:
        TropnncError: no download possible, or one of another sha256, of which nothing is kept.
    """
    arch = _at_hand(arch)
    source = str(arch.checkpoint)
    if is_named(source):
        return named_file(source)
    if not _is_url(source):
        return Path(source)
    name = f"{hashlib.sha256(source.encode()).hexdigest()[:16]}-{Path(source).name}"
    path = runs_dir / "downloads" / name
    if path.exists() and arch.sha256 and _sha256(path.read_bytes()) != arch.sha256.lower():
        set_aside(path, runs_dir / "damaged", "its sha256 is not arch.sha256")
    if not path.exists():
        content = fetch(source)
        if arch.sha256:
            _check_sha256(content, source, arch.sha256)
        write_atomic(path, content)
    return path


def absence(arch: ArchSettings, runs_dir: Path) -> str | None:
    """Why the cells of ``arch`` are skipped: weights that are optional and not to be had."""
    if not arch.optional or arch.checkpoint is None or Path(arch.checkpoint).is_file():
        return None
    if arch.url is None and not is_named(arch.checkpoint):
        return None if _is_url(arch.checkpoint) else f"{arch.checkpoint}: not at hand"
    error = _download_error(arch, runs_dir)
    return None if error is None else f"{arch.checkpoint}: not at hand; {error}"


@cache
def _download_error(arch: ArchSettings, runs_dir: Path) -> str | None:
    """Tried once, not for every cell."""
    try:
        local_file(arch, runs_dir)
    except TropnncError as error:
        return str(error)
    return None


def _at_hand(arch: ArchSettings) -> ArchSettings:
    """``arch`` without its URL: the path where there is such a file, otherwise the download.

    The sha256 is that of the download. The file at the path may be another container of the same
    tensors: their hash tells.
    """
    if arch.url is None:
        return arch
    if Path(str(arch.checkpoint)).is_file():
        return replace(arch, url=None, sha256=None)
    return replace(arch, url=None, checkpoint=arch.url)


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _check_sha256(content: bytes, source: str, expected: str) -> None:
    found = _sha256(content)
    if found != expected.lower():
        raise TropnncError(f"{source}: its sha256 is {found}, arch.sha256 is {expected}")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
