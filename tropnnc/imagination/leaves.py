"""Dead leaves: images of shapes that occlude each other, with the edges of natural ones.

Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 2001; as training images:
Baradad et al., "Learning to see by looking at noise", NeurIPS 2021. Constants: theory.md 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tropnnc.imagination.colour import correlated, with_statistics
from tropnnc.seeding import derive_rng
from tropnnc.unit import Array, Pixels

SMALLEST, LARGEST = 1.5, 24.0  # radii in pixels, for images of 32 × 32
SIDE = 32
LONGEST = 3.0  # the longer axis of an ellipse or rectangle over the shorter one, at most
SLOPE = 0.2  # deviation of a shape's gradient: how much its edge differs from its centre
COVER = 6.0  # so many shapes over a pixel on average: e⁻⁶ of the pixels show the background
_REACH = np.sqrt(LONGEST + 1 / LONGEST)  # from a rectangle's centre to its corner, over its radius


@dataclass(frozen=True, eq=False)
class Leaves:
    """The shapes of one image, the hindmost first.

    Attributes:
        centres: vertical and horizontal place, ``[L, 2]``.
        radii: of the disc of equal area (of a rectangle: half the side of the square), ``[L]``.
        axes: half axes, ``[L, 2]``; their product is the squared radius.
        angles: of the first axis against the horizontal, ``[L]``.
        rectangular: whether it is a rectangle; otherwise an ellipse, ``[L]``.
        colours: at the centre, ``[C, L]``.
        slopes: what is added one radius below and to the right of it, ``[L, 2]``.
    """

    centres: Array
    radii: Array
    axes: Array
    angles: Array
    rectangular: NDArray[np.bool_]
    colours: Array
    slopes: Array

    @property
    def extents(self) -> Array:
        """Half height and width of a box around each, ``[L, 2]``."""
        cosine, sine = np.abs(np.cos(self.angles)), np.abs(np.sin(self.angles))
        first, second = self.axes.T
        return np.stack([first * sine + second * cosine, first * cosine + second * sine], axis=1)


def dead_leaves(
    count: int, size: tuple[int, int], channels: int, seed: int, pixels: Pixels | None = None
) -> Tensor:
    """Images ``[count, channels, h, w]`` float32 of discs, ellipses and rectangles.

    Their radii have a density ∝ r⁻³ from 1.5 pixels to 24; in an image with sides above 32 the
    largest grows with the shorter side, the smallest does not: photographs of more pixels show
    more detail, not larger edges. Over all images, every channel has the mean and the deviation
    in ``pixels`` (0 and 1 without), up to rounding; no pixel is clipped. On one core 250 images
    take 2.5 s at 32 × 32 and 1 minute at 224 × 224.
    """
    rng = derive_rng(seed, "dead leaves")
    images = np.empty((count, channels, *size))
    for image in images:
        leaves = draw(rng, size, channels)
        image[:] = correlated(rng, channels)[:, None, None]
        paint(image, leaves)
    return with_statistics(blurred(images), pixels or Pixels())


def draw(rng: np.random.Generator, size: tuple[int, int], channels: int) -> Leaves:
    """Random leaves that touch an image of ``size``."""
    largest = largest_radius(size)
    margin = _REACH * largest
    sides = np.array(size) + 2 * margin
    # A third each of discs (πr²), ellipses (πr²) and rectangles (4r²).
    area = (2 * np.pi + 4) / 3 * mean_square(largest)
    leaves = int(np.ceil(COVER * sides.prod() / area))
    radii = SMALLEST / np.sqrt(1 - rng.random(leaves) * (1 - (SMALLEST / largest) ** 2))
    kind = rng.integers(3, size=leaves)
    stretch = np.where(kind == 0, 1.0, LONGEST ** (rng.random(leaves) / 2))
    drawn = Leaves(
        centres=rng.random((leaves, 2)) * sides - margin,
        radii=radii,
        axes=radii[:, None] * np.stack([stretch, 1 / stretch], axis=1),
        angles=np.pi * rng.random(leaves),
        rectangular=kind == 2,
        colours=correlated(rng, channels, leaves),
        slopes=SLOPE * rng.standard_normal((leaves, 2)),
    )
    return _touching(drawn, size)


def largest_radius(size: tuple[int, int]) -> float:
    """In pixels: 24 up to 32 × 32, then in proportion to the shorter side."""
    return LARGEST * max(1.0, min(size) / SIDE)


def mean_square(largest: float) -> float:
    """``E[r²]`` of the density ∝ r⁻³ between the smallest radius and ``largest``."""
    return 2 * np.log(largest / SMALLEST) / (SMALLEST**-2 - largest**-2)


def paint(image: Array, leaves: Leaves) -> None:
    """Put ``leaves`` onto ``image [C, h, w]`` one after another, each over those before."""
    _, height, width = image.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    first, last = leaves.centres - leaves.extents, leaves.centres + leaves.extents
    starts = np.maximum(np.ceil(first), 0).astype(int)
    ends = np.minimum(np.floor(last), (height - 1, width - 1)).astype(int) + 1
    for leaf, ((top, left), (bottom, right)) in enumerate(zip(starts, ends, strict=True)):
        down = rows[top:bottom] - leaves.centres[leaf, 0]
        across = columns[:, left:right] - leaves.centres[leaf, 1]
        slope = (leaves.slopes[leaf, 0] * down + leaves.slopes[leaf, 1] * across) / leaves.radii[
            leaf
        ]
        colour = leaves.colours[:, leaf, None, None] + slope
        inside = _inside(leaves, leaf, down, across)
        np.copyto(image[:, top:bottom, left:right], colour, where=inside)


def blurred(images: Array) -> Array:
    """``images [N, C, h, w]`` smoothed by (1, 6, 1)/8 both ways: a deviation of half a pixel."""
    for axis in (2, 3):
        width = [(0, 0)] * 4
        width[axis] = (1, 1)
        padded = np.pad(images, width, mode="edge")
        length = images.shape[axis]
        before, after = (padded.take(np.arange(length) + k, axis) for k in (0, 2))
        images = (before + 6 * images + after) / 8
    return images


def _inside(leaves: Leaves, leaf: int, down: Array, across: Array) -> NDArray[np.bool_]:
    """Which of the offsets ``down [h, 1]`` and ``across [1, w]`` lie in the shape, ``[h, w]``."""
    cosine, sine = np.cos(leaves.angles[leaf]), np.sin(leaves.angles[leaf])
    first, second = leaves.axes[leaf]
    along, aside = (cosine * across + sine * down) / first, (cosine * down - sine * across) / second
    if leaves.rectangular[leaf]:
        return np.maximum(np.abs(along), np.abs(aside)) <= 1
    return along**2 + aside**2 <= 1


def _touching(leaves: Leaves, size: tuple[int, int]) -> Leaves:
    """Those whose box has a pixel of the image in it."""
    reach = leaves.extents
    low, high = leaves.centres + reach, leaves.centres - reach
    seen = ((low >= 0) & (high <= np.array(size) - 1)).all(axis=1)
    return Leaves(
        leaves.centres[seen], leaves.radii[seen], leaves.axes[seen], leaves.angles[seen],
        leaves.rectangular[seen], leaves.colours[:, seen], leaves.slopes[seen],
    )  # fmt: skip
