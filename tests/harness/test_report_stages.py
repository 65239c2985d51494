"""Columns and curves of cells that were fine-tuned."""

import numpy as np
import pytest

from experiments.report.figure import figures
from experiments.report.statistics import accuracy
from experiments.report.tables import blocks
from tests.harness.summaries import ROWS, tuned


def test_before_and_after_are_columns_and_the_gain_is_computed() -> None:
    [block, _] = blocks([tuned(row) for row in ROWS])
    assert block.headings[:4] == ("0.5", "0.5 re-calibrated", "0.5 fine-tuned", "0.5 gain")
    lines = {line.method: line for line in block.lines}
    before, recalibrated, finetuned, gained = lines["l1"].cells[:4]
    means = [float(text.split()[0]) for text in (before, recalibrated, finetuned)]
    assert means[1] - means[0] == pytest.approx(-1.0, abs=0.11)
    assert means[2] - means[0] == pytest.approx(3.0, abs=0.11)
    assert gained == "+3.0 ± 0.0"
    assert lines["dense"].cells[:4] == ("96.2 ± 0.2", "94.2 ± 0.2", "", "")
    assert not any(line.best[3] for line in block.lines)


def test_rows_without_a_stage_take_its_column_away() -> None:
    [block, _] = blocks([tuned(ROWS[0]), *ROWS[1:]])
    assert block.headings == ("0.5", "0.1")


def test_the_curve_is_drawn_from_epoch_zero_on() -> None:
    rows = [tuned(row) for row in ROWS if row.ratio == 0.1]
    [(suffix, figure)] = figures(rows).items()
    assert suffix == "_curve"
    line = next(line for line in figure.axes[0].get_lines() if line.get_label() == "l1")
    before = accuracy([row for row in rows if (row.arch, row.method) == ("lenet_a", "l1")]).mean
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert xs.tolist() == [0, 1, 10]
    assert ys == pytest.approx([before, before + 2, before + 3])


def test_every_ratio_has_a_panel_of_its_own_curves() -> None:
    rows = [tuned(row) for row in ROWS if row.arch == "lenet_a"]
    axes = [axis for axis in figures(rows)["_curve"].axes if axis.get_visible()]
    labels = [axis.get_xlabel().rpartition(" ")[2] for axis in axes]
    assert labels == ["0.5", "0.1"]
    for axis, ratio in zip(axes, labels, strict=True):
        [line] = [line for line in axis.get_lines() if line.get_label() == "l1"]
        own = [row for row in rows if row.method == "l1" and row.ratio == float(ratio)]
        assert np.asarray(line.get_ydata())[0] == pytest.approx(accuracy(own).mean)
