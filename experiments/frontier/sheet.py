"""The contact sheet of images made from a network's weights, for the page to show."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments.frontier.reading import NotRun
from experiments.manifest import experiment_records
from experiments.record import Record
from tropnnc.files import write_atomic
from tropnnc.imagination import load_images, sheet_path

EXPERIMENT = "frontier_resnet20_trained"


def write_sheet(results: Path, suffix: str) -> str:
    """Copy the sheet of ``synthetic_ls`` from where its images are; returns the path.

    In a clone that has not run the experiment the committed one stays.

    Raises:
        NotRun: there is neither.
    """
    target = results / "figures" / f"frontier_images{suffix}.png"
    records = experiment_records(results / "runs", f"{EXPERIMENT}{suffix}") or ()
    stored = _stored(records, results / "runs" / "images")
    if stored is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, sheet_path(stored).read_bytes())
    if not target.exists():
        raise NotRun(f"no images of {EXPERIMENT}{suffix} in results/runs/images yet")
    return str(target)


def _stored(records: Iterable[Record], folder: Path) -> Path | None:
    """The images of the first cell of ``synthetic_ls``, by the weights and the recipe in them."""
    own = (r for r in records if r["config"]["method"]["name"] == "synthetic_ls")
    record = next((r for r in own if "method_seed" not in r["config"]), None)
    if record is None:
        return None
    wanted = (record["checkpoint"], record["config"]["synthetic"])
    files = sorted(folder.glob("*.safetensors"))
    return next((path for path in files if _made_of(path) == wanted), None)


def _made_of(path: Path) -> tuple[str, dict[str, Any]]:
    """Weights, and the recipe with its seed."""
    origin = load_images(path).origin
    return origin.weights, {**origin.recipe.determinants(), "seed": origin.seed}
