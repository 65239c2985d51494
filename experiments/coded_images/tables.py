"""Tables of the data track, from summaries alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.coded_images.points import Point, original_of, pruned_looks
from experiments.coded_images.published import PublishedPoint
from experiments.coded_images.verdicts import extra_cost
from experiments.geometry.table import write_table

# Of all training images: what shared bytes come to when many images share them.
WHOLE = {"mnist": 60_000, "cifar10": 50_000}
CODINGS = (
    "{dataset}, the first {images:,} test images, coded and decoded; COIN++ **reduced**"
    " (docs/coin.md){published}. Bits per pixel (all channels together) of files or streams that"
    " were written and read back; `total` adds what the decoder needs besides, shared by these"
    " {images:,} or by {whole:,} images. PSNR: mean over images, 8-bit pixels. Then top-1 in % of"
    " fixed networks on the decoded images; pruned ones are not fine-tuned."
)
PUBLISHED = "; the rows **published** are of a network of 2.7 to 6.8 million parameters"
PRUNING = (
    "{dataset}: top-1 that pruning costs on decoded images beyond what it costs on the originals"
    " (first row: there), in points, with 95 % intervals over {images:,} test images. Below 0 the"
    " decoded images leave less to lose."
)
VERDICTS = (
    "Statements that can fail, 95 % intervals by bootstrap over test images. Bytes: interpolated on"
    " the rival's curve at the PSNR of **reduced** COIN++ at 5 bits, or those of its lowest setting"
    " where that is better already; `JPEG 2.7 times`: its bytes over COIN++'s. Pruning: each codec"
    " at its setting nearest to that PSNR, difference of differences on the same images. One"
    " network each, no correction for many looks."
)


def write_codings(
    found: Sequence[Point], published: Sequence[PublishedPoint], results: Path, name: str
) -> str:
    """A line per coding; returns the text."""
    row = found[0].row
    whole = WHOLE.get(row.dataset, row.images)
    lines = [_line(point, whole) for point in found] + [_published(each) for each in published]
    frame = pd.DataFrame(lines).fillna("–")
    caption = CODINGS.format(
        dataset=row.dataset,
        images=row.images,
        whole=whole,
        published=PUBLISHED if published else "",
    )
    return write_table(frame, 2, caption, results / "tables" / name)


def write_pruning(found: Sequence[Point], results: Path, name: str) -> str:
    """A line per coding, a column per pruned network."""
    original, pruned = original_of(found), pruned_looks(found)
    lines = []
    for point in found:
        line = {"codec": point.series.name, "setting": point.row.knobs or "–"}
        for look in pruned:
            if point is original:
                cost = original.accuracy(look.dense) - original.accuracy(look)
                line[look.label] = f"{cost:.1f}"
            else:
                mean, low, high = extra_cost(point, original, look)
                line[look.label] = f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
        lines.append(line)
    caption = PRUNING.format(dataset=original.row.dataset, images=original.row.images)
    return write_table(pd.DataFrame(lines), 2, caption, results / "tables" / f"{name}_pruning")


def _line(point: Point, whole: int) -> dict[str, str]:
    images = point.row.images
    return {
        "codec": point.series.name,
        "setting": point.row.knobs or "–",
        "payload bpp": f"{point.payload:.3f}",
        "shared bytes": f"{point.row.shared_bytes:,}",
        f"total, {images:,}": f"{point.total(images):.3f}",
        f"total, {whole:,}": f"{point.total(whole):.3f}",
        "PSNR": "lossless" if point.is_lossless else f"{point.psnr.mean():.2f}",
        **{look.label: f"{point.accuracy(look):.1f}" for look in point.hits},
    }


def _published(point: PublishedPoint) -> dict[str, str]:
    return {
        "codec": f"{point.codec} (published)",
        "setting": point.setting,
        "payload bpp": f"{point.bits_per_pixel:.3f}",
        "PSNR": f"{point.psnr:.2f}",
    }
