"""Statements about coded images that measurements support or contradict.

The unit of replication is a test image; networks and codecs are what they are (n = 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from experiments.coded_images.points import (
    NAMES,
    Look,
    Point,
    Series,
    curves,
    original_of,
    pruned_looks,
)
from experiments.ntk.curves import Factor, equal_accuracy
from experiments.track.verdicts import Verdict, verdict
from tropnnc.seeding import derive_rng
from tropnnc.unit import Array

DRAWS, LEVEL = 1000, 0.95
ANCHOR = "bits=5"  # the published setting
STEPS = "steps=3"  # as trained


def resampled(images: int, *axes: object) -> Array:
    """How often each image is drawn ``[DRAWS, images]``, with replacement."""
    rng = derive_rng(0, "coded images", *axes)
    return rng.multinomial(images, np.full(images, 1 / images), size=DRAWS).astype(float)


def rates(found: Sequence[Point]) -> list[Verdict]:
    """Fewer bytes than other codecs for at least COIN++'s PSNR at 5 bits: of the payload, and all.

    Like with like: a stream per image against a file per image, one stream against one sheet; and
    one stream against a file per image, which is what was published. Where a codec's lowest setting
    is better already, that is what it needs.
    """
    series = curves(found)
    verdicts = []
    for anchor, rival in _pairs(series):
        for share in ("payload", "total"):
            verdicts.append(_rate(anchor, rival, series[rival], share))
    return verdicts


def prunings(found: Sequence[Point]) -> list[Verdict]:
    """Pruning costs more accuracy on decoded images than on the originals, at COIN++'s PSNR."""
    series = curves(found)
    ours = Series("coin", "sheet", STEPS)
    if ours not in series:
        return []
    anchor = _anchor(series[ours])
    nearest = [
        min(own, key=lambda point: abs(point.psnr.mean() - anchor.psnr.mean()))
        for key, own in series.items()
        if key.layout == ours.layout and (key.codec != "coin" or key == ours)
    ]
    original, pruned = original_of(found), pruned_looks(found)
    return [_pruning(point, original, look) for look in pruned for point in nearest]


def extra_cost(point: Point, original: Point, look: Look) -> tuple[float, float, float]:
    """Points of top-1 that pruning costs on ``point`` beyond those on the originals.

    Difference of differences on the same images, and its bootstrap interval.
    """
    hits = [
        each.hits[one].astype(float) for each in (point, original) for one in (look.dense, look)
    ]
    each = 100 * ((hits[0] - hits[1]) - (hits[2] - hits[3]))
    drawn = resampled(len(each), "pruning") @ each / len(each)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(each.mean()), float(low), float(high)


def _pairs(series: dict[Series, list[Point]]) -> Iterator[tuple[Point, Series]]:
    anchors = {
        own.layout: _anchor(points)
        for own, points in series.items()
        if own.codec == "coin" and own.rest == STEPS
    }
    for rival in series:
        for layout, anchor in anchors.items():
            published = layout == "sheet" and rival.codec in ("jpeg", "webp", "jpeg2000")
            if rival.codec != "coin" and (rival.layout == layout or published):
                yield anchor, rival


def _anchor(own: Sequence[Point]) -> Point:
    """At 5 bits, or whatever comes last."""
    return next((point for point in own if point.rate_knob == ANCHOR), own[-1])


def _rate(anchor: Point, rival: Series, own: Sequence[Point], share: str) -> Verdict:
    counts = resampled(anchor.row.images, "rates")
    exact = np.ones((1, anchor.row.images))
    whole = _factors(anchor, own, exact, share)[0]
    drawn = _factors(anchor, own, counts, share)
    low = float(np.quantile([f.value for f in drawn], (1 - LEVEL) / 2, method="lower"))
    high = float(np.quantile([f.most for f in drawn], (1 + LEVEL) / 2, method="higher"))
    name, side = NAMES[rival.codec], "≥ " if whole.side == "≥" else ""
    what = "payload" if share == "payload" else f"shared ones included, N = {anchor.row.images:,}"
    return Verdict(
        f"COIN++ needs fewer bytes than {name} at its PSNR ({what})",
        f"{anchor.row.dataset}, {anchor.psnr.mean():.2f} dB: {anchor.series.name} against"
        f" {rival.name}",
        f"{name} {side}{whole.value:.3g} times",
        f"{low:.3g} to {high:.3g}".replace("inf", "∞"),
        verdict(low > 1, high < 1),
    )


def _factors(anchor: Point, own: Sequence[Point], counts: Array, share: str) -> list[Factor]:
    """The rival's bytes over COIN++'s, for every row of ``counts``."""
    reached, size = _means(anchor, counts, share)
    others = [_means(point, counts, share) for point in own]
    return [
        equal_accuracy(reached[draw], size[draw], [(b[draw], a[draw]) for a, b in others])
        for draw in range(len(counts))
    ]


def _means(point: Point, counts: Array, share: str) -> tuple[Array, Array]:
    """Mean PSNR and bytes per image of every draw; a shared file is what it is."""
    images = point.row.images
    psnr = counts @ point.psnr / images
    if len(point.sizes) == images:
        size = counts @ point.sizes / images
    else:
        size = np.full(len(counts), point.row.payload_bytes / images)
    return psnr, size + (point.row.shared_bytes / images if share == "total" else 0.0)


def _pruning(point: Point, original: Point, look: Look) -> Verdict:
    mean, low, high = extra_cost(point, original, look)
    dense = point.accuracy(look.dense)
    return Verdict(
        "pruning costs more on decoded images than on originals",
        f"{point.row.dataset}, {look.label}: {point.series.name} at {point.psnr.mean():.1f} dB"
        f" (dense {dense:.1f} %)",
        f"{mean:+.1f} points",
        f"{low:+.1f} to {high:+.1f}",
        verdict(low > 0, high < 0),
    )
