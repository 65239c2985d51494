"""Summaries of the NTK-LC experiments: one CSV row a cell."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from baselines.ntk_lc.storage import Convention, hidden_bits, readout_bits
from experiments.ntk.networks import TERNARY, thresholds
from experiments.record import Record
from experiments.report.csv_rows import write_rows
from experiments.track.summaries import Track

TRACK = Track("ntk")


@dataclass(frozen=True)
class AccuracyRow:
    """One network. ``penalty``, ``shift`` and ``tau`` are 0 where nothing of the kind exists."""

    data: str
    method: str
    sparsity: float
    widths: str
    draw: int
    readout: str
    train_images: int
    classes: int
    total: int
    correct: int
    validation_total: int
    validation: int
    weights: int
    nonzeros: int
    tau: float
    shift: float
    penalty: float
    bits_sha256: str
    identity: str
    seconds: float

    @property
    def accuracy(self) -> float:
        """Top-1 on the test images, in percent."""
        return 100 * self.correct / self.total

    @property
    def last_width(self) -> int:
        """Of the layer that the read-out reads."""
        return int(self.widths.split("x")[-1])

    def bits(self) -> Mapping[Convention, float]:
        """Storage of hidden weights, read-out and constants, by convention."""
        trained = self.method == "trained_mlp"
        hidden = hidden_bits(self.weights, self.nonzeros, self.method in TERNARY, not trained)
        if trained:  # its last layer is among its weights
            return hidden
        depth = len(self.widths.split("x"))
        rest = readout_bits(self.last_width, self.classes, thresholds(self.method, depth))
        return {name: bits + rest for name, bits in hidden.items()}

    @property
    def printed_bits(self) -> float:
        """As the paper counts and plots them: nominal, of hidden weights alone."""
        return hidden_bits(self.weights, self.nonzeros, self.method in TERNARY)["nominal"]


@dataclass(frozen=True)
class SpectrumRow:
    """One kernel of one cell. Errors are spectral norms over that of the original network's.

    Attributes:
        kernel: ``conjugate`` or ``tangent`` of infinite networks, or ``finite`` (conjugate).
        other: ``ntk_lc`` or ``theory``.
        raw: ``‖K̃ − K‖/‖K‖``; ``error`` is the same without the known shift of the diagonal.
        alignment: of the top eigenvectors, 0 to 1.
    """

    n: int
    dimension: int
    draw: int
    kernel: str
    other: str
    raw: float
    error: float
    alignment: float
    shift: float
    identity: str


@dataclass(frozen=True)
class HistogramRow:
    """Share of a kernel's eigenvalues in one bin; NTK-LC's are without the shift."""

    n: int
    kernel: str
    network: str
    low: float
    high: float
    share: float


def write_summaries(results: Path, name: str, records: Sequence[Record]) -> list[Path]:
    """Write what the records of an experiment say; the paths written."""
    accuracy = [accuracy_row(r) for r in records if r["config"]["kind"] == "accuracy"]
    spectra = [r for r in records if r["config"]["kind"] == "spectrum"]
    written = []
    if accuracy:
        written.append(_write(TRACK.summary_path(results, name), AccuracyRow, accuracy))
    if spectra:
        rows = [row for record in spectra for row in spectrum_rows(record)]
        written.append(_write(TRACK.summary_path(results, name), SpectrumRow, rows))
        bins = [row for record in spectra for row in histogram_rows(record)]
        path = TRACK.summary_path(results, f"{name}_histograms")
        written.append(_write(path, HistogramRow, bins))
    return written


def accuracy_row(record: Record) -> AccuracyRow:
    """Of an accuracy cell."""
    config = record["config"]
    known = {**record, **config}
    shared = [field.name for field in fields(AccuracyRow) if field.name in known]
    values: dict[str, Any] = {name: known[name] for name in shared}
    values |= {key: float(f"{record.get(key, 0.0):.9g}") for key in ("tau", "shift", "penalty")}
    values["widths"] = "x".join(map(str, config["widths"]))
    return AccuracyRow(
        **values,
        bits_sha256=hashlib.sha256(base64.b64decode(record["bits"])).hexdigest(),
        seconds=round(sum(record["timing"].values()), 3),
    )


def spectrum_rows(record: Record) -> list[SpectrumRow]:
    """Of a spectrum cell: a row per kernel and what it is compared with."""
    config = record["config"]
    kernels: dict[str, dict[str, float]] = {
        name: record[name] for name in ("conjugate", "tangent", "finite") if name in record
    }
    return [
        SpectrumRow(
            n=config["n"],
            dimension=config["dimension"],
            draw=config["draw"],
            kernel=name,
            other=other,
            raw=_rounded(found[f"{other}_raw"]),
            error=_rounded(found[f"{other}_error"]),
            alignment=_rounded(found[f"{other}_alignment"]),
            shift=_rounded(record["shift"]),
            identity=record["identity"],
        )
        for name, found in kernels.items()
        for other in ("ntk_lc", "theory")
        if f"{other}_error" in found
    ]


def histogram_rows(record: Record) -> list[HistogramRow]:
    """Of a spectrum cell that kept them."""
    return [
        HistogramRow(record["config"]["n"], kernel, network, low, high, share)
        for kernel, found in record.get("histograms", {}).items()
        for network, shares in found["shares"].items()
        for (low, high), share in zip(pairwise(found["edges"]), shares, strict=True)
    ]


def _write(path: Path, kind: type, rows: Iterable[Any]) -> Path:
    write_rows(path, kind, (astuple(row) for row in rows))
    return path


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
