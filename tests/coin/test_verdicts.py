"""Verdicts on coded images whose figures are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.coded_images.points import Look, Point
from experiments.coded_images.rows import CodingRow
from experiments.coded_images.verdicts import prunings, rates

IMAGES, PIXELS = 200, 784
DENSE, SMALL = Look("mlp", "", 1.0), Look("mlp", "l1", 0.5)
ERRORS = np.random.default_rng(0).integers(5_000, 20_000, size=IMAGES)


def a_point(
    codec: str, knobs: str, each: int, scale: float = 1.0, shared: int = 0, lost: int = 0
) -> Point:
    """One stream of ``each`` bytes an image; the pruned network loses the first ``lost`` images."""
    row = CodingRow(
        *("mnist", codec, "sheet", knobs, IMAGES, PIXELS, 1, 1, each * IMAGES, shared),
        *(0.0, 0.0, 0.0, 0.0, f"{codec} {knobs}"),
    )
    hits = {DENSE: np.ones(IMAGES, bool), SMALL: np.arange(IMAGES) >= lost}
    own = ERRORS[::-1] if codec == "webp" else ERRORS  # the same mean, of other images
    errors = (scale * own).astype(int)
    return Point(row, np.array([each * IMAGES]), errors, hits)


ORIGINAL = a_point("original", "", PIXELS, scale=0.0, lost=20)
COIN = a_point("coin", "bits=5 steps=3", 50, shared=IMAGES * 100)


def webp(each: int, lost: int = 20) -> list[Point]:
    """As good as COIN++ in the middle of three settings."""
    return [
        a_point("webp", "quality=0", each // 2, scale=2.0),
        a_point("webp", "quality=20", each, lost=lost),
        a_point("webp", "quality=70", each * 2, scale=0.5),
    ]


@pytest.mark.parametrize(
    ("each", "factors", "verdicts"),
    [
        (100, ("WebP 2 times", "WebP 0.667 times"), ["supported", "contradicted"]),
        (20, ("WebP 0.4 times", "WebP 0.133 times"), ["contradicted"] * 2),
        (400, ("WebP 8 times", "WebP 2.67 times"), ["supported"] * 2),
        (50, ("WebP 1 times", "WebP 0.333 times"), ["inconclusive", "contradicted"]),
    ],
)
def test_fewer_bytes_at_its_psnr(each: int, factors: tuple[str, str], verdicts: list[str]) -> None:
    found = rates([ORIGINAL, COIN, *webp(each)])
    assert tuple(one.found for one in found) == factors
    assert [one.verdict for one in found] == verdicts


@pytest.mark.parametrize(
    ("lost", "cost", "verdict"),
    [(60, "+20.0", "supported"), (0, "-10.0", "contradicted"), (20, "+0.0", "inconclusive")],
)
def test_pruning_costs_more_on_decoded_images(lost: int, cost: str, verdict: str) -> None:
    [own] = [one for one in prunings([ORIGINAL, COIN, *webp(50, lost)]) if "WebP" in one.place]
    assert (own.found, own.verdict) == (f"{cost} points", verdict)
