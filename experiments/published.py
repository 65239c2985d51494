"""Published weights: from a path or a URL, checked, never trusted."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path

import torch
from torch import nn

from experiments.settings import ArchSettings
from tropnnc.errors import TropnncError
from tropnnc.files import load_state, load_weights, write_atomic


def load_published(model: nn.Module, arch: ArchSettings, runs_dir: Path) -> None:
    """Load ``arch.checkpoint`` into ``model``.

    Raises:
        TropnncError: file absent, unreadable, of another sha256, with other names or shapes, or
            with NaN or infinite weights.
    """
    source = str(arch.checkpoint)
    path = local_file(arch, runs_dir)
    if arch.sha256:
        _check_sha256(path, source, arch.sha256.lower())
    try:
        state = load_weights(path)
    except OSError as error:
        raise TropnncError(f"{source}: not a readable weights file ({error.strerror})") from error
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise TropnncError(f"{source}: {name} has NaN or infinite weights")
    load_state(model, state, source)


def local_file(arch: ArchSettings, runs_dir: Path) -> Path:
    """The file of ``arch.checkpoint``, downloaded once where that is a URL."""
    source = str(arch.checkpoint)
    return _download(source, runs_dir / "downloads") if _is_url(source) else Path(source)


def absence(arch: ArchSettings) -> str | None:
    """Why the cells of ``arch`` are skipped: weights that are optional and not at hand."""
    source = arch.checkpoint
    if not arch.optional or source is None or _is_url(source) or Path(source).is_file():
        return None
    return f"{source}: not at hand"


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _download(source: str, downloads: Path) -> Path:
    """The file behind a URL, fetched once."""
    path = downloads / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}-{Path(source).name}"
    if not path.exists():
        try:
            with urllib.request.urlopen(source, timeout=60) as answer:
                write_atomic(path, answer.read())
        except OSError as error:
            raise TropnncError(
                f"{source}: download failed ({error}); arch.checkpoint also accepts a path"
            ) from error
    return path


def _check_sha256(path: Path, source: str, expected: str) -> None:
    if not path.is_file():
        raise TropnncError(f"{source}: no such file")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise TropnncError(f"{source}: its sha256 is {found}, arch.sha256 is {expected}")
