"""Summaries of the communication experiments: one CSV row a cell, seconds last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from experiments.communication.options import NONE
from experiments.manifest import experiment_records
from experiments.record import Record
from experiments.report.csv_rows import write_rows
from experiments.track.summaries import Track
from tropnnc.errors import TropnncError

RUN = "torchrun --nproc_per_node 2 run.py experiment="
TRACK = Track("communication", RUN)  # its records are the benchmark's


@dataclass(frozen=True)
class CommunicationRow:
    """One fine-tuning.

    Attributes:
        codec: of the gradients; ``none``: they are sent as they are.
        keep: share of the entries that are sent; 0 where there is no such thing.
        values: coder of their values; empty likewise.
        total: test images.
        dense: images that the dense network classifies correctly.
        before: likewise, the compressed network.
        correct: likewise, that network fine-tuned.
        steps: of the fine-tuning.
        bytes_per_step: that a process sends, on average.
        dense_bytes_per_step: four for each entry.
        identity: of the cell.
        hook_seconds: a step, waiting for the other process included; None where nothing was timed.
        step_seconds: median; likewise.
    """

    codec: str
    keep: float
    values: str
    total: int
    dense: int
    before: int
    correct: int
    steps: int
    bytes_per_step: float
    dense_bytes_per_step: int
    identity: str
    hook_seconds: float | None
    step_seconds: float | None

    @property
    def accuracy(self) -> float:
        """Top-1 after fine-tuning, in percent."""
        return 100 * self.correct / self.total

    @property
    def share(self) -> float:
        """Bytes sent over those of float32."""
        return self.bytes_per_step / self.dense_bytes_per_step

    @property
    def curve(self) -> str:
        """What it is but for the share of entries that are kept."""
        return f"{self.codec} {self.values}".strip()


def communication_rows(records: Iterable[Record]) -> list[CommunicationRow]:
    """The rows of cells that are done, in their order.

    Raises:
        TropnncError: none is; one was not fine-tuned; or they take different numbers of steps.
    """
    done = [record for record in records if record["status"] == "done"]
    if not done or not all("finetuned" in record for record in done):
        raise TropnncError("not all cells were fine-tuned, or there are none: nothing to compare")
    steps = {r["communication"]["steps"] for r in done if "communication" in r}
    if len(steps) > 1:
        raise TropnncError(f"fine-tunings of {sorted(steps)} steps; equal ones are accepted")
    return [_row(record, max(steps, default=0)) for record in done]


def _row(record: Record, steps: int) -> CommunicationRow:
    """``steps``: where gradients are sent as they are, nothing was counted."""
    sent = record["config"]["finetune"].get("comm", {"codec": NONE})
    whole = 4 * record["compressed"]["parameters"]
    section = record.get("communication", {"bytes_per_step": whole, "dense_bytes_per_step": whole})
    return CommunicationRow(
        codec=sent["codec"],
        keep=sent.get("keep", 0.0),
        values=sent.get("values", ""),
        total=record["dense"]["total"],
        dense=record["dense"]["correct"],
        before=record["compressed"]["correct"],
        correct=record["finetuned"][-1]["correct"],
        steps=steps,
        bytes_per_step=section["bytes_per_step"],
        dense_bytes_per_step=section["dense_bytes_per_step"],
        identity=record["identity"],
        hook_seconds=record["timing"].get("hook_seconds"),
        step_seconds=record["timing"].get("step_seconds"),
    )


def renewed_rows(results: Path, name: str) -> Sequence[CommunicationRow]:
    """The rows of an experiment; its CSV is renewed where its cells are on disk.

    Raises:
        TropnncError: neither cells nor CSV, a CSV without rows, or cells that are missing.
    """
    records = experiment_records(results / "runs", name, RUN)
    if records is not None:
        rows = map(_texts, communication_rows(records))
        write_rows(TRACK.summary_path(results, name), CommunicationRow, rows)
    return TRACK.read_summary(results, name, CommunicationRow)


def _texts(row: CommunicationRow) -> list[object]:
    return ["" if value is None else value for value in astuple(row)]
