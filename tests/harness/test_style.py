"""Figures keep to their page."""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from experiments.report.style import COLUMN_INCHES, STYLE, legend

LABELS = {
    "short": [f"m{i}" for i in range(12)],
    "long": [f"a method of a long name, number {i}, its options named" for i in range(9)],
    "one long": ["l1", "cup", "a method of a long name that needs most of a line's length", "l2"],
}


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("labels", LABELS)
def test_a_legend_stays_within_its_figure(labels: str, columns: int) -> None:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(columns * COLUMN_INCHES, 3))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(1, columns, squeeze=False).ravel().tolist()
        for label in LABELS[labels]:
            axes[0].plot([0, 1], [0, 1], label=label)
        legend(figure, axes, columns, None)
        figure.draw_without_rendering()
    [box] = [each.get_window_extent() for each in figure.legends]
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
