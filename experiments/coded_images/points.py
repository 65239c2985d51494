"""Points of the rate–distortion curves, from summaries alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from baselines.coin import bits_per_pixel
from experiments.coded_images.measure import unpacked
from experiments.coded_images.rows import CodingRow, Summary
from experiments.coded_images.settings import KNOBS
from experiments.evaluation import unpack_bits
from experiments.report.statistics import grouped
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray

NAMES = {
    "original": "original",
    "jpeg": "JPEG",
    "webp": "WebP",
    "jpeg2000": "JPEG 2000",
    "pca": "PCA",
    "coin": "COIN++ (reduced)",
}
LEARNED_LAYOUTS = {"image": "a stream per image", "sheet": "one stream"}
FILE_LAYOUTS = {"image": "a file per image", "sheet": "one sheet"}


@dataclass(frozen=True)
class Look:
    """A network: the dense one, or pruned by a method to a keep ratio."""

    network: str
    method: str
    ratio: float

    @property
    def label(self) -> str:
        """In a few words."""
        return f"{self.network}, {self.method} {self.ratio:g}" if self.method else self.network

    @property
    def dense(self) -> Look:
        """The network that it was."""
        return Look(self.network, "", 1.0)


@dataclass(frozen=True)
class Series:
    """A codec whose first knob sets the rate."""

    codec: str
    layout: str
    rest: str = ""

    @property
    def name(self) -> str:
        """For a legend."""
        layouts = LEARNED_LAYOUTS if len(KNOBS[self.codec]) > 1 else FILE_LAYOUTS
        if self.codec == "original":
            return NAMES[self.codec]
        return ", ".join(filter(None, [NAMES[self.codec], layouts[self.layout], self.rest]))


@dataclass(frozen=True, eq=False)
class Point:
    """One coding of all images.

    Attributes:
        row: of the summary.
        sizes: bytes ``[N]``, or ``[1]`` where the images share a file.
        squared_errors: of every image, summed over its pixels and channels.
        hits: by network, which images it classifies correctly.
    """

    row: CodingRow
    sizes: IntArray
    squared_errors: IntArray
    hits: Mapping[Look, NDArray[np.bool_]]

    @property
    def series(self) -> Series:
        """The curve that it is on."""
        rest = (pair for pair in self.row.knobs.split() if pair != self.rate_knob)
        return Series(self.row.codec, self.row.layout, " ".join(rest))

    @property
    def rate_knob(self) -> str:
        """``quality=20``; empty for the originals."""
        first = KNOBS[self.row.codec][:1]
        return next((p for p in self.row.knobs.split() if p.partition("=")[0] in first), "")

    @cached_property
    def psnr(self) -> Array:
        """In dB, of every image as 8-bit pixels.

        A lossless one counts as if one value were wrong by one grey level, so that none drops out
        of a mean.
        """
        values = self.row.pixels * self.row.channels
        return 10 * np.log10(255**2 * values / np.maximum(self.squared_errors, 1))

    @property
    def is_lossless(self) -> bool:
        """Whether nothing is lost in any image."""
        return not self.squared_errors.any()

    @property
    def payload(self) -> float:
        """Bits per pixel of what is stored for these images."""
        return bits_per_pixel(self.row.payload_bytes, self.row.images, self.row.pixels)

    def total(self, images: int) -> float:
        """Bits per pixel where so many images share what the decoder needs."""
        return self.payload + bits_per_pixel(self.row.shared_bytes, images, self.row.pixels)

    def accuracy(self, look: Look) -> float:
        """Top-1 in percent."""
        return 100 * float(self.hits[look].mean())


def points(summary: Summary) -> list[Point]:
    """One per coding, in the order of the grid."""
    looks = grouped(summary.looks, lambda row: row.identity)
    images = {row.identity: row for row in summary.images}
    return [
        Point(
            row,
            unpacked(images[row.identity].sizes),
            unpacked(images[row.identity].squared_errors),
            {
                Look(look.network, look.method, look.ratio): unpack_bits(vars(look))
                for look in looks.get(row.identity, [])
            },
        )
        for row in summary.codings
    ]


def curves(found: Iterable[Point]) -> dict[Series, list[Point]]:
    """Points by series, the smallest payload first; the originals are no codec."""
    coded = (point for point in found if point.row.codec != "original")
    groups = grouped(coded, lambda point: point.series)
    return {series: sorted(own, key=lambda p: p.payload) for series, own in groups.items()}


def original_of(found: Sequence[Point]) -> Point:
    """The images as they are.

    Raises:
        TropnncError: they are not among the codings.
    """
    for point in found:
        if point.row.codec == "original":
            return point
    raise TropnncError("the originals are not among the codings; {codec: original} is needed")


def pruned_looks(found: Sequence[Point]) -> list[Look]:
    """Those of the networks that were pruned."""
    return [look for look in looks_of(found) if look.method]


def looks_of(found: Sequence[Point]) -> list[Look]:
    """The networks that all points were shown to."""
    return list(found[0].hits)
