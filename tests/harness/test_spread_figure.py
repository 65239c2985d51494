"""The figure of rescaled networks shows the accuracies of its rows, each where it belongs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.geometry.spread import spreads
from experiments.geometry.spread_figure import draw
from experiments.report.summary import SummaryRow
from tests.harness.summaries import ROWS

ROW = ROWS[0]
# Images of 1,000 classified correctly: on the network as trained, then on three rescalings of it.
CORRECT = {
    ("random", 0.5): (700, 690, 710, 650),
    ("l1", 0.5): (950, 900, 800, 700),
    ("random", 0.25): (300, 300, 280, 320),
    ("l1", 0.25): (600, 610, 400, 500),
    ("grail", 0.25): (550, 540, 560, 545),  # reads images: after those of weights alone
}


def rows() -> list[SummaryRow]:
    return [
        replace(
            ROW,
            method=method,
            needs="images" if method == "grail" else "weights",
            settings="scope=all allocator=uniform" + (f" rescaling={seed}" if seed else ""),
            ratio=ratio,
            correct=correct,
            checkpoint=f"weights {seed}",
            identity=f"{method} {ratio} {seed}",
        )
        for (method, ratio), counts in CORRECT.items()
        for seed, correct in enumerate(counts)
    ]


@pytest.fixture(scope="module")
def figure() -> Figure:
    return draw(spreads(rows()))


def points(line: Line2D) -> list[tuple[float, int]]:
    """Top-1 in % and height of every point, sorted."""
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    return sorted((round(float(x), 9), int(y)) for x, y in zip(xs, ys, strict=True))


def labelled(axis: Axes, label: str) -> list[tuple[float, int]]:
    [line] = [line for line in axis.get_lines() if line.get_label() == label]
    return points(line)


def expected(methods: Sequence[str], ratio: float, seeds: slice) -> list[tuple[float, int]]:
    return sorted(
        (count / 10, methods.index(method))
        for (method, own), counts in CORRECT.items()
        if own == ratio
        for count in counts[seeds]
    )


def test_a_panel_per_keep_ratio_from_the_largest_on(figure: Figure) -> None:
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["keep ratio 0.5", "keep ratio 0.25"]
    assert {axis.get_xlabel() for axis in figure.axes} == {"top-1 (%)"}
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim() == second.get_ylim()


def test_a_line_per_method_from_the_top_by_tier_and_name(figure: Figure) -> None:
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["l1", "random", "grail"]
    assert axis.get_yticks().tolist() == [0, 1, 2]
    bottom, top = axis.get_ylim()
    assert bottom > 2
    assert top < 0


def test_every_row_is_a_point_on_the_line_of_its_method(figure: Figure) -> None:
    for axis, ratio in zip(figure.axes, (0.5, 0.25), strict=True):
        methods = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert labelled(axis, "as trained") == expected(methods, ratio, slice(1))
        moved = labelled(axis, "rescaled at random")
        assert moved == expected(methods, ratio, slice(1, None))
        assert len(moved) == 3 * sum(own == ratio for _, own in CORRECT)


def test_a_bar_reaches_from_the_lowest_rescaling_to_the_highest(figure: Figure) -> None:
    for axis in figure.axes:
        moved = labelled(axis, "rescaled at random")
        bars = [points(line) for line in axis.get_lines() if line.get_marker() == "None"]
        ends = [
            [(min(tops), place), (max(tops), place)]
            for place in sorted({place for _, place in moved})
            for tops in [[top for top, own in moved if own == place]]
        ]
        assert sorted(bars, key=lambda bar: bar[0][1]) == ends


def test_the_legend_tells_the_two_kinds_of_points_apart(figure: Figure) -> None:
    [legend] = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["rescaled at random", "as trained"]
    looks = [(line.get_marker(), line.get_color()) for line in legend.get_lines()]
    assert len(set(looks)) == 2
    drawn = {line.get_label(): line for line in figure.axes[1].get_lines()}
    assert looks == [(drawn[text].get_marker(), drawn[text].get_color()) for text in texts]
