"""From records to rows of the summary."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from experiments.record import Record
from experiments.report.options import text_of, with_options
from experiments.report.summary import SummaryRow


def summary_row(record: Record) -> SummaryRow:
    """The row of a settled record."""
    config = record["config"]
    dense, compressed = record.get("dense", {}), record.get("compressed", {})
    recalibrated, finetuned = record.get("recalibrated"), record.get("finetuned")
    timing = record.get("timing", {})
    arch_options = {key: value for key, value in config["arch"].items() if key != "name"}
    return SummaryRow(
        dataset=config["dataset"]["name"],
        arch=with_options(config["arch"]["name"], arch_options),
        method="scratch" if _from_scratch(config) else config["method"]["name"],
        settings=_settings(record),
        needs=record["needs"],
        ratio=config["ratio"],
        seed=config["seed"],
        status=record["status"],
        total=dense.get("total", 0),
        dense_correct=dense.get("correct", 0),
        correct=compressed.get("correct", 0),
        output_error=record.get("output_error", 0.0),
        recalibrated_dense_correct=recalibrated["dense"]["correct"] if recalibrated else None,
        recalibrated_correct=recalibrated["compressed"]["correct"] if recalibrated else None,
        finetuned_correct=finetuned[-1]["correct"] if finetuned else None,
        curve=" ".join(f"{point['epoch']}={point['correct']}" for point in finetuned or ()),
        dense_parameters=dense.get("parameters", 0),
        parameters=compressed.get("parameters", 0),
        dense_macs=dense.get("macs", 0),
        macs=compressed.get("macs", 0),
        dense_bytes=dense.get("bytes", 0),
        bytes=compressed.get("bytes", 0),
        widths=" ".join(f"{unit['name']}={unit['kept']}" for unit in record.get("units", [])),
        bits_sha256=_bits_digest(record),
        checkpoint=record["checkpoint"],
        identity=record["identity"],
        compress_seconds=timing.get("compress_seconds", 0.0),
        evaluate_seconds=timing.get("evaluate_seconds", 0.0),
        finetune_seconds=timing.get("finetune_seconds"),
        peak_rss=record.get("memory", {}).get("peak_rss"),
        imagine_seconds=timing.get("imagine_seconds"),
        finetune_imagine_seconds=timing.get("finetune_imagine_seconds"),
    )


def summary_rows(records: Iterable[Record]) -> list[SummaryRow]:
    """Rows by data set, network, tier and method, ratios descending; a cell counts once."""
    cells = {record["identity"]: record for record in records}
    return sorted(map(summary_row, cells.values()), key=_position)


def _position(row: SummaryRow) -> tuple[Any, ...]:
    place = (row.dataset, row.arch, row.tier, row.method, row.settings)
    return *place, -row.ratio, row.seed, row.identity


def _bits_digest(record: Record) -> str:
    """16 hex digits that change with the bit of any test image, before or after fine-tuning."""
    stages = [record.get("compressed"), record.get("recalibrated", {}).get("compressed")]
    stages += record.get("finetuned", [])
    bits = [stage["bits"] for stage in stages if stage is not None]
    return hashlib.sha256(" ".join(bits).encode()).hexdigest()[:16] if bits else ""


def _settings(record: Record) -> str:
    config = record["config"]
    axes = {
        "scope": config["scope"],
        "order": record["order"],
        "allocator": with_options(config["allocator"]["name"], config["allocator"]["options"]),
        "calibration": config["calibration"]["images"],
        **config["method"]["options"],
    }
    if "recalibrate" in config:
        axes["recalibrate"] = config["recalibrate"]["images"]
    if "finetune" in config:
        axes["finetune"] = config["finetune"]["epochs"]
        if "images" in config["finetune"]:
            axes["finetune_images"] = config["finetune"]["images"]
        sent = dict(config["finetune"].get("comm", {}))
        if sent:
            axes["comm"] = with_options(sent.pop("codec"), sent)
        distil = dict(config["finetune"].get("distil", {}))
        if distil:
            axes["distil"] = with_options(distil.pop("source"), distil)
    if "rescale" in config:  # not by that name: ThiNet has an option of it
        axes["rescaling"] = config["rescale"]["seed"]
    if "method_seed" in config:
        axes["method_seed"] = config["method_seed"]
    if "test" in config:
        axes["test"] = config["test"].get("images", 0)
        if "split" in config["test"]:
            axes["split"] = config["test"]["split"]
    return " ".join(f"{name}={text_of(value)}" for name, value in axes.items())


def _from_scratch(config: Mapping[str, Any]) -> bool:
    return "finetune" in config and config["finetune"]["from_scratch"]
