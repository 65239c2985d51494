"""How long cells and trainings take, from those that were timed."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from experiments.record import read_records
from experiments.settings import CellSettings

# Groups of similar work, the most similar first.
Kinds = tuple[tuple[str, ...], ...]


class Timings:
    """Medians of seconds: of the same data set, network and method; else of the method; else all.

    Trainings: of the same data set and network; else of the network; else all.
    """

    def __init__(self, runs_dir: Path) -> None:
        """Take note of every record and every trained network in ``runs_dir``."""
        self._seconds: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
        for record in read_records(runs_dir):
            self.add(record)
        for facts in _facts(runs_dir / "checkpoints"):
            self._add(_of_training(facts["dataset"], facts["arch"]), facts)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take note of the timing of a record, if it has one."""
        config = record["config"]
        dataset, arch, method = (config[key]["name"] for key in ("dataset", "arch", "method"))
        tuning = config.get("finetune", {})
        source = tuning.get("distil", {}).get("source")
        self._add(_of_cell(dataset, arch, method, tuning.get("epochs", 0), source), record)

    def total(self, cells: Iterable[CellSettings], networks: Iterable[CellSettings]) -> float:
        """Seconds for ``cells``, and for training ``networks``; NaN where nothing was timed."""
        work = Counter(map(_of_settings, cells))
        work.update(_of_training(cell.dataset.name, cell.arch.name) for cell in networks)
        return sum(count * self._median(kinds) for kinds, count in work.items())

    def _add(self, kinds: Kinds, document: Mapping[str, Any]) -> None:
        if "timing" in document:
            # Images made from the weights are there by now.
            made = ("imagine_seconds", "finetune_imagine_seconds")
            parts = {**document["timing"], **dict.fromkeys(made, 0.0)}
            for kind in kinds:
                self._seconds[kind].append(sum(parts.values()))

    def _median(self, kinds: Kinds) -> float:
        return next((median(self._seconds[k]) for k in kinds if k in self._seconds), math.nan)


def about(seconds: float) -> str:
    """``seconds`` as a reader takes them in."""
    if math.isnan(seconds):
        return "unknown time"
    if seconds < 100:
        return f"about {math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 100 else f"about {seconds / 3600:.1f} h"


def _of_settings(cell: CellSettings) -> Kinds:
    tuning, epochs, source = cell.finetuning, 0, None
    if tuning is not None:
        epochs = tuning.recipe.epochs
        source = None if tuning.distillation is None else tuning.distillation.source
    return _of_cell(cell.dataset.name, cell.arch.name, cell.method.name, epochs, source)


def _of_cell(dataset: str, arch: str, method: str, epochs: int, source: str | None) -> Kinds:
    """Other fine-tuning epochs, or those on other images, may take a hundred times as long."""
    tuned = f"cell, {epochs} epochs on {source or 'all images'}"
    return (tuned, dataset, arch, method), (tuned, method), (tuned,)


def _of_training(dataset: str, arch: str) -> Kinds:
    return ("training", dataset, arch), ("training", arch), ("training",)


def _facts(folder: Path) -> Iterator[dict[str, Any]]:
    for path in folder.glob("*.json"):
        with suppress(ValueError):  # damaged: found when the network is needed
            facts = json.loads(path.read_bytes())
            if {"dataset", "arch", "timing"} <= facts.keys():
                yield facts
