"""Tables of the frontier from tiny made-up summaries, cell by cell."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.frontier import __main__ as command
from experiments.frontier.attribution import WHOLE, write_attribution
from experiments.frontier.data_curve import write_data
from experiments.frontier.finetuning import write_finetuning
from experiments.frontier.goals import wilson, write_goals
from experiments.frontier.levels import worth
from experiments.frontier.pareto import write_pareto
from experiments.frontier.points import Point, front, points
from experiments.frontier.screening import write_screening
from experiments.frontier.seconds import write_seconds
from experiments.report.statistics import sample
from experiments.report.summary import SummaryRow, write_summary

BASE = "scope=conv order=sequential allocator=uniform calibration=1024"
ROW = SummaryRow(
    dataset="cifar10",
    arch="vgg",
    method="l1",
    settings=BASE,
    needs="weights",
    ratio=0.5,
    seed=0,
    status="done",
    total=1000,
    dense_correct=900,
    correct=500,
    output_error=0.1,
    recalibrated_dense_correct=None,
    recalibrated_correct=None,
    finetuned_correct=None,
    curve="",
    dense_parameters=1000,
    parameters=500,
    dense_macs=2000,
    macs=600,
    dense_bytes=4000,
    bytes=2000,
    widths="a=3",
    bits_sha256="0",
    checkpoint="network",
    identity="",
    compress_seconds=1.0,
    evaluate_seconds=1.0,
    finetune_seconds=None,
)


def row(method: str, correct: int, more: str = "", **changes: Any) -> SummaryRow:
    """A cell; ``more`` are settings that it has besides."""
    made = replace(ROW, method=method, correct=correct, **changes)
    made = replace(made, settings=f"{made.settings} {more}".rstrip())
    identity = f"{made.arch} {method} {made.settings} {made.ratio} {made.needs} {made.checkpoint}"
    return replace(made, identity=identity)


def written(results: Path, experiment: str, rows: Sequence[SummaryRow]) -> Path:
    write_summary(rows, results / "summary" / f"{experiment}.csv")
    return results


def table(results: Path, name: str) -> list[list[str]]:
    """The cells of a written table, without its header."""
    text = (results / "tables" / f"{name}.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def point(name: str, accuracy: float, macs: float) -> Point:
    return Point(name, 0, 0.5, sample([accuracy]), macs, macs)


def test_the_front_is_what_nothing_cheaper_beats() -> None:
    dominated = [point("a", 50, 40), point("b", 49, 60), point("c", 50, 50), point("d", 40, 40)]
    kept = [point("cheap", 30, 10), point("best", 80, 70)]
    assert [p.name for p in front([*dominated, *kept], "macs")] == ["cheap", "a", "best"]


def test_re_calibration_makes_a_point_of_the_images_tier() -> None:
    cell = row(
        "l1", 300, "recalibrate=1024", recalibrated_correct=600, recalibrated_dense_correct=9
    )
    found = [(p.name, p.tier, p.accuracy.mean, p.macs) for p in points([cell])]
    assert found == [("l1", 0, 30.0, 30.0), ("l1 + re-calibration", 2, 60.0, 30.0)]


def test_pareto(tmp_path: Path) -> None:
    smaller: dict[str, Any] = {"ratio": 0.25, "macs": 200, "parameters": 250}
    rows = [
        row("l1", 500),
        row("tropnnc", 400),
        row("tropnnc", 300, **smaller),
        row("grail", 600, needs="images", recalibrated_correct=700, recalibrated_dense_correct=890),
        row("l1", 900, arch="cifar10_resnet56(depth=56)", checkpoint="other"),
    ]
    text = write_pareto(written(tmp_path, "frontier_vgg", rows), "")
    development = "cifar10, cifar10_resnet56, scope conv (development network)"
    assert table(tmp_path, "frontier_pareto") == [
        [development, "weights", "l1", "0.5", "90.0†", "30.0 %", "50.0 %"],
        ["cifar10, vgg, scope conv", "weights", "tropnnc", "0.25", "30.0†", "10.0 %", "25.0 %"],
        ["cifar10, vgg, scope conv", "weights", "l1", "0.5", "50.0†", "30.0 %", "50.0 %"],
        [
            *("cifar10, vgg, scope conv", "images", "grail + re-calibration"),
            *("0.5", "70.0†", "30.0 %", "50.0 %"),
        ],
    ]
    assert all(Path(path).stat().st_size > 0 for path in text.splitlines()[-2:])


def test_finalists_are_the_first_three_of_a_tier_that_ran_everywhere(tmp_path: Path) -> None:
    validation = f"{BASE} test=2000 split=validation"
    rows = [
        replace(row(m, c + more, arch=arch, checkpoint=arch), settings=validation)
        for arch, more in (("vgg", 0), ("resnet", 20))
        for m, c in (("l1", 100), ("l2", 200), ("fpgm", 300), ("cup", 400), ("dfpc", 990))
        if (m, arch) != ("dfpc", "vgg")
    ]
    write_screening(written(tmp_path, "frontier_screening", rows), "")
    assert table(tmp_path, "frontier_screening_ranks") == [
        ["weights", "cup", "yes", "41.0"],
        ["weights", "fpgm", "yes", "31.0"],
        ["weights", "l2", "yes", "21.0"],
        ["weights", "l1", "", "11.0"],
    ]


def test_goals_reached_or_not(tmp_path: Path) -> None:
    rows = [
        row("gaussian_ls", 760, "front_end=greedy inputs=statistics", needs="statistics"),
        row("gaussian_ls", 100, "front_end=greedy inputs=isotropic"),
        row("synthetic_ls", 730, "front_end=greedy", needs="statistics", ratio=0.25),
        row("synthetic_ls", 905, "front_end=greedy", needs="statistics"),
        row("sequential_ls", 700, "front_end=greedy", needs="images"),
    ]
    text = write_goals(written(tmp_path, "frontier_resnet56", rows), "")
    assert "(dense 90.00)" in text
    assert [line[2:6] + line[7:] for line in table(tmp_path, "frontier_goals")] == [
        ["0.5", "76", "82", "76.00", "floor"],
        ["0.25", "31", "45", "–", "–"],
        ["0.5", "89", "90.5", "90.50", "goal"],
        ["0.25", "73", "78", "73.00", "floor"],
        ["0.5", "89.5", "91", "70.00", "neither"],
        ["0.25", "78", "82", "–", "–"],
    ]


def test_wilsons_interval_solves_its_equation() -> None:
    low, high = wilson(930, 1000)
    for end in (low / 100, high / 100):
        assert abs(0.93 - end) == pytest.approx(1.959964 * (end * (1 - end) / 1000) ** 0.5)


def composition(correct: int, **changes: str) -> SummaryRow:
    choices = {**WHOLE, **changes}
    axes = {name: choices.pop(name) for name in ("order", "allocator")}
    settings = " ".join(f"{k}={v}" for k, v in {**axes, **choices}.items())
    made = replace(ROW, method="composed", settings=f"scope=conv {settings}", correct=correct)
    return replace(made, needs="statistics", identity=settings)


def test_ingredients_are_measured_all_else_equal(tmp_path: Path) -> None:
    rows = [
        composition(900),
        composition(700, repair="none"),
        composition(600, compensate="mix"),
        composition(300, compensate="mix", repair="none"),
        composition(880, allocator="gain(budget=macs)"),
        # Differential repair behind a Gaussian model sees real images: no pair of anything here.
        composition(800, compensate="mix", source="gaussian"),
        composition(100, compensate="mix", source="gaussian", repair="none"),
    ]
    write_attribution(written(tmp_path, "frontier_attribution", rows), "")
    found = [line[2:] for line in table(tmp_path, "frontier_attribution_effects")]
    assert found == [
        ["every tap, not the mixing matrix", "+30.0", "+35.0", "+30.0", "+40.0", "2"],
        ["images made, not a Gaussian model", "–", "+20.0", "+20.0", "+20.0", "1"],
        ["differential repair", "+20.0", "+25.0", "+20.0", "+30.0", "2"],
        ["widths of one cut, equal MACs", "-2.0", "-2.0", "-2.0", "-2.0", "1"],
    ]


def test_worth_in_images() -> None:
    curve = [(0, 10.0), (15, 40.0), (255, 80.0), (1023, 70.0)]
    assert worth(curve, 5.0) == "0"
    assert worth(curve, 40.0) == "15"
    # Half the way between 16 and 256 in the logarithm of 1 + images.
    assert worth(curve, 60.0) == "63"
    assert worth(curve, 80.5) == "> 1,023"
    assert worth(curve[1:], 40.0) == "< 15"


def test_the_data_curve(tmp_path: Path) -> None:
    own = "scope=conv order=original allocator=uniform calibration={}"
    rows = [
        *(
            replace(row("grail", c, needs="images"), settings=own.format(n), identity=f"grail {n}")
            for n, c in ((15, 300), (255, 500))
        ),
        row("l1", 100),
        row("l1", 100, "recalibrate=15", recalibrated_correct=400, recalibrated_dense_correct=900),
        row("l1", 100, "recalibrate=255", recalibrated_correct=800, recalibrated_dense_correct=900),
        row("synthetic_ls", 600, needs="statistics"),
    ]
    write_data(written(tmp_path, "frontier_data", rows), "")
    text = (tmp_path / "tables" / "frontier_data_worth.md").read_text()
    assert [cell.strip() for cell in text.splitlines()[2].split("|")[4:-1]] == [
        *("top-1", "grail", "l1 + re-calibration"),
    ]
    place = "cifar10, vgg, scope conv"
    assert table(tmp_path, "frontier_data_worth") == [
        [place, "0.5", "synthetic_ls", "60.0", "> 255", "63"]
    ]


def test_seconds_include_the_making_of_images(tmp_path: Path) -> None:
    spent: dict[str, Any] = {"needs": "statistics", "compress_seconds": 2.5}
    swept = [
        row("synthetic_ls", c, f"count={n} steps={s}", imagine_seconds=float(n * s), **spent)
        for n, s, c in ((250, 10, 500), (250, 100, 700), (16, 100, 600))
    ]
    beside = [
        row("l1", 100),
        row("l1", 100, ratio=0.75),
        row("grail", 200, needs="images", checkpoint="other"),
        row("grail", 300, "method_seed=1", needs="images"),
    ]
    written(tmp_path, "frontier_seconds", swept)
    write_seconds(written(tmp_path, "frontier_vgg", [*swept[:1], *beside]), "")
    assert [line[2:] for line in table(tmp_path, "frontier_seconds_spent")] == [
        ["l1", "–", "1.0", "1.0", "10.0"],
        ["synthetic_ls (16 images, 100 steps)", "1600", "2.5", "1602.5", "60.0"],
        ["synthetic_ls (250 images, 10 steps)", "2500", "2.5", "2502.5", "50.0"],
        ["synthetic_ls (250 images, 100 steps)", "25000", "2.5", "25002.5", "70.0"],
    ]


def test_modes_of_fine_tuning(tmp_path: Path) -> None:
    tuned: dict[str, Any] = {"finetuned_correct": 800, "finetune_seconds": 30.0, "curve": "60=800"}
    rows = [
        row("l1", 100, "finetune=1", **tuned),
        row("l1", 100, "finetune=60 distil=images(count=750)", **tuned),
        row(
            *("l1", 100, "finetune=60 distil=synthetic(count=750)"),
            **tuned,
            finetune_imagine_seconds=70.0,
        ),
    ]
    write_finetuning(written(tmp_path, "frontier_finetune", rows), "")
    assert [line[3:] for line in table(tmp_path, "frontier_finetune_modes")] == [
        ["750 made from the weights", "10.0", "80.0", "100"],
        ["750 unlabelled training images", "10.0", "80.0", "30"],
        ["labels of all training images", "10.0", "80.0", "30"],
    ]


def test_what_has_not_run_is_left_out_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> None:
        command_line = ["frontier", *arguments, "--results", str(tmp_path), "--suffix", "_quick"]
        monkeypatch.setattr(sys, "argv", command_line)
        command.main()

    run()
    said = capsys.readouterr().out
    assert said.count("left out") == len(command.WORK)
    assert "goals: left out: no results/summary/frontier_resnet56_quick.csv yet" in said
    for name, line in (("goals", "frontier_resnet56_quick.csv yet"), ("goal", "unknown table")):
        with pytest.raises(SystemExit) as exit_:
            run(name)
        assert exit_.value.code == 2
        assert line in capsys.readouterr().err
