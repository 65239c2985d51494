"""The result of one cell, readable."""

from __future__ import annotations

from typing import Any

from experiments.cell import Outcome
from experiments.record import Record


def result_block(outcome: Outcome) -> str:
    """A few lines: accuracy, output error, cost, widths, time, and where the record is."""
    where = f"{outcome.path} ({'written' if outcome.computed else 'was there: nothing computed'})"
    record = outcome.record
    if record is None or outcome.status == "skipped":
        return _lines(outcome.cell.label, [("skipped", outcome.message), ("record", where)])
    dense, compressed = record["dense"], record["compressed"]
    widths = ", ".join(f"{u['name']} {u['neurons']} → {u['kept']}" for u in record["units"])
    rows = [
        ("top-1", f"{_percent(dense)} → {_percent(compressed)} ({points(record):+.2f} points)"),
        ("", f"{dense['correct']:,} → {compressed['correct']:,} of {dense['total']:,} test images"),
        ("output error", f"{record['output_error']:.4f}"),
        *((name, _change(dense[key], compressed[key])) for name, key in _COSTS),
        ("widths", widths),
        ("left alone", "; ".join(f"{x['name']}: {x['reason']}" for x in record["left_alone"])),
        *_after(record),
        ("method", f"needs {record['needs']}, order {record['order']}"),
        ("compressing", f"{record['timing']['compress_seconds']:.2f} s"),
        ("its images", _seconds(record["timing"].get("imagine_seconds"))),
        ("distilled on", _seconds(record["timing"].get("finetune_imagine_seconds"))),
        ("peak memory", _memory(record.get("memory", {}).get("peak_rss"))),
        ("record", where),
    ]
    return _lines(outcome.cell.label, rows)


def points(record: Record) -> float:
    """Change of top-1 in percentage points, from the integers."""
    dense, compressed = record["dense"], record["compressed"]
    return 100 * (compressed["correct"] - dense["correct"]) / dense["total"]


def _after(record: Record) -> list[tuple[str, str]]:
    """Top-1 after what followed the compression."""
    rows = []
    if "recalibrated" in record:
        stage = record["recalibrated"]
        change = f"{_percent(stage['dense'])} → {_percent(stage['compressed'])}"
        rows.append(("re-calibrated", change))
    for point in record.get("finetuned", ()):
        rows.append((f"{point['epoch']} epochs", f"{_percent(point)} after fine-tuning"))
    return rows


_COSTS = (("parameters", "parameters"), ("MACs", "macs"), ("bytes", "bytes"))


def _lines(title: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([title, *(f"  {name:<13} {value}" for name, value in rows if value)])


def _percent(evaluation: dict[str, Any]) -> str:
    return f"{100 * evaluation['correct'] / evaluation['total']:.2f} %"


def _seconds(imagining: float | None) -> str:
    return "" if imagining is None else f"made once for the dense network in {imagining:.2f} s"


def _memory(peak: int | None) -> str:
    return "" if peak is None else f"{peak / 2**20:,.0f} MiB, libraries and data included"


def _change(before: int, after: int) -> str:
    return f"{before:,} → {after:,} ({after / before:.3f} of it)"
