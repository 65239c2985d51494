"""Experiments of the relatives as cells; their identities; what is not accepted."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from pathlib import Path

import pytest

from experiments.identity import digest
from experiments.relatives import __main__ as entry
from experiments.relatives.__main__ import main
from experiments.relatives.grids import cells_of, experiments, read_experiment
from experiments.relatives.parts import make_rewriter, make_scheme
from experiments.relatives.settings import Cell
from experiments.relatives.tracks import DENSE, SMALL, TRACKS, track_of
from experiments.report.command import suffix_of
from experiments.settings import Component
from tests.relatives.cases import CWS, FOUR_BITS, NARROW, SVD, a_cell
from tropnnc import TropnncError

FEW_HERE = (DENSE, SMALL)  # networks trained small are a comparison, not a track


@pytest.mark.parametrize("name", experiments())
def test_every_experiment_is_a_grid_of_cells_that_can_be_made(name: str) -> None:
    cells, _ = read_experiment(name)
    assert cells
    assert len({digest(cell.determinants()) for cell in cells}) == len(cells)
    assert {track_of(cell) for cell in cells} <= set(TRACKS)
    for component in {cell.rewriting.rewriter for cell in cells if cell.rewriting}:
        assert make_rewriter(component).version >= 1
    for component in {cell.sharing.quantiser for cell in cells if cell.sharing}:
        assert component is None or make_scheme(component).version >= 1


@pytest.mark.parametrize("network", ["lenet300100", "lenet5", "resnet20", "vgg"])
def test_tracks_have_ten_points_or_more(network: str) -> None:
    cells, _ = read_experiment(f"relatives_{network}")
    counts = Counter(track_of(cell) for cell in cells)
    # Rings that bend are of use with training only, and few budgets are trained on CIFAR-10.
    few = {*FEW_HERE, "nonlinear ring"} if network in ("resnet20", "vgg") else set(FEW_HERE)
    assert {track: n for track, n in counts.items() if track not in few and n < 10} == {}


def test_identities_of_cells_do_not_move() -> None:
    """Golden: another value orphans every record of an earlier version."""
    found = [
        digest(cell.determinants())[:12]
        for cell in (
            Cell("lenet5"),
            a_cell(rewriting=SVD, steps=20),
            a_cell(narrowing=NARROW, rewriting=FOUR_BITS, half=True),
            a_cell(sharing=CWS, draw=3),
        )
    ]
    assert found == [
        "cfb620257b1e",
        "965d306edf62",
        "f011c2129f17",
        "132897aba571",
    ]


def test_off_is_left_out_of_an_identity() -> None:
    assert Cell("lenet5").determinants() == {"network": "lenet5"}


def test_the_last_keys_vary_fastest() -> None:
    grid = read_grid()
    cells = cells_of({**grid, "rewriter": "svd_spatial", "keep": [0.5, 0.25], "steps": [0, 9]})
    assert [(cell.format, cell.steps) for cell in cells] == [
        ("svd_spatial keep 0.5", 0),
        ("svd_spatial keep 0.5", 9),
        ("svd_spatial keep 0.25", 0),
        ("svd_spatial keep 0.25", 9),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": "lenet"}, "unknown network 'lenet'"),
        ({"rewriter": "bits"}, "one of keep, pattern and bits"),
        ({"rewriter": "nm", "pattern": "2-4"}, "pattern = 2-4 is not accepted"),
        ({"rewriter": "svd_spatial", "keep": 1.5}, "keep = 1.5 is not accepted"),
        ({"rewriter": {"nam": "nm"}, "pattern": "2:4"}, "or {name: NAME"),
        ({"rewriter": {"name": "nm", "options": {"decay": {}}}, "pattern": "2:4"}, "{KEY: VALUE}"),
        ({"prune": 100}, "prune = 100 is not accepted"),
        ({"share": "cws", "k": 0}, "k = 0 is not accepted"),
        ({"share": "cws", "k": 4, "codebook": "x"}, "unknown codebook 'x'"),
        ({"scratch": True}, "scratch is accepted with a width alone"),
        ({"rewriter": "bits", "bits": 4, "layers": "some"}, "unknown layers 'some'"),
    ],
)
def test_bad_values(values: dict[str, object], message: str) -> None:
    with pytest.raises(TropnncError, match=message):
        cells_of({**read_grid(), **values})


def test_bad_parts() -> None:
    with pytest.raises(TropnncError, match="unknown rewriter 'fft'"):
        make_rewriter(Component("fft"))
    with pytest.raises(TropnncError, match=r"unknown option 'axes' of rewriter nm; accepted are"):
        make_rewriter(Component("nm", (("axes", "flat"),)))
    with pytest.raises(TropnncError, match=r"rewriter nm: decay = 'x'; accepted are numbers"):
        make_rewriter(Component("nm", (("decay", "x"),)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "relatives_lenet"], "no experiment 'relatives_lenet'; accepted are"),
        (["run", "relatives_vgg", "--set", "steps=3"], "'steps=3' is not accepted"),
        (["run", "relatives_vgg", "--set", "results_dir="], "results_dir = is not accepted"),
        (["run", "relatives_vgg", "--set", "data_dir=null"], "data_dir = None is not accepted"),
        (["report", "relatives_vgg", "--results", "nowhere"], "run it first"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_supports_without_weights_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "unavailable", lambda _: "no weights at hand")
    main(["supports", "--set", f"results_dir={tmp_path}"])
    assert capsys.readouterr().out == "supports: skipped: no weights at hand\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("names", "said", "suffix"),
    [([], "", ""), (["a"], "", ""), (["a_quick", "b_quick"], "", "_quick"), ([], "_x", "_x"),
     (["a_quick", "b"], "", "")],
)  # fmt: skip
def test_quick_variants_judge_into_a_table_of_their_own(
    names: list[str], said: str, suffix: str
) -> None:
    assert suffix_of(Namespace(experiment=names, suffix=said)) == suffix


def read_grid() -> dict[str, object]:
    from experiments.relatives.grids import CONF  # noqa: PLC0415
    from experiments.track.grids import composed_experiment  # noqa: PLC0415

    return composed_experiment(CONF, "relatives_lenet300100")[0]["grid"]
