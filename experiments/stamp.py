"""What a finished sweep printed, as long as nothing it depends on was touched.

A rerun then prints it again without importing torch. Any doubt leads to the ordinary path, which
looks at every record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from experiments.seal import is_sealed, seal

GROUPS = ("tropnnc.methods", "tropnnc.allocators")
ROOT = Path(__file__).parents[1]
_SOURCES = (
    *("conf/**/*", "tropnnc/**/*.py", "baselines/**/*.py", "experiments/**/*.py"),
    *("run.py", "pyproject.toml", "constraints.txt"),
)


@dataclass(frozen=True)
class Stamp:
    """Where the stamp of a sweep is, and the hash of the sources it holds for."""

    path: Path
    sources: str

    def read(self) -> str | None:
        """What the sweep printed; None where anything differs from then."""
        try:
            content = json.loads(self.path.read_bytes())
            files = content["files"]
            holds = is_sealed(content) and content["sources"] == self.sources
            return content["text"] if holds and files == _states(files) else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def content(self, files: Iterable[Path], text: str) -> bytes:
        """The file to be written when all cells are settled.

        Args:
            files: records, checkpoints and data, as they are now.
            text: what the rerun is to print.

        Raises:
            FileNotFoundError: a file is not there any more.
        """
        states = _states(map(str, files))
        sealed = seal({"sources": self.sources, "files": states, "text": text})
        return (json.dumps(sealed, indent=1, ensure_ascii=False) + "\n").encode()


def stamp_of(jobs: Sequence[Sequence[str]], config: DictConfig) -> Stamp | None:
    """The stamp of a sweep; None where its dependencies cannot be known."""
    parts = [part for group in GROUPS for part in entry_points(group=group)]
    if any(part.dist is None or part.dist.name != "tropnnc" for part in parts):
        return None  # the sources of a stranger's package may be anywhere
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, _own_keys(config)), resolve=True)
    sweep = _hash(json.dumps([plain, list(config.hydra.overrides.task), jobs]).encode())
    names = sorted(f"{part.group}: {part.name} = {part.value}" for part in parts)
    sources = _hash(*map(str.encode, names), *_contents())
    return Stamp(Path(str(config.results_dir)) / "runs" / "sweeps" / f"{sweep}.json", sources)


def _own_keys(config: DictConfig) -> list[str]:
    return [str(key) for key in config if key != "hydra"]


def _contents() -> Iterator[bytes]:
    """Name and content of every source file."""
    for path in sorted(path for pattern in _SOURCES for path in ROOT.glob(pattern)):
        if path.is_file():
            yield str(path.relative_to(ROOT)).encode()
            yield path.read_bytes()


def _states(paths: Iterable[str]) -> dict[str, list[int]]:
    """Size and times of every file."""
    stats = {path: Path(path).stat() for path in paths}
    return {path: [s.st_size, s.st_mtime_ns, s.st_ctime_ns] for path, s in stats.items()}


def _hash(*parts: bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big") + part)
    return sha.hexdigest()
