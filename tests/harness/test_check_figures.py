"""Published figures: the CSVs that are accepted, and the cells that they mean."""

from pathlib import Path

import pytest

from experiments.check.__main__ import main
from experiments.check.composing import CONF, cell_of, experiment_cells
from experiments.check.figure import Figure
from experiments.check.figures import REQUIRED, read_figures
from experiments.check.mapping import Unmapped, is_dense, overrides_of
from experiments.check.options import OPTIONS
from experiments.check.published import TEMPLATE, published_files
from experiments.check.widths import keep_ratio, ratio_keeping
from experiments.settings import Machine
from tropnnc import TropnncError, method_names

RESULTS = CONF.parent / "results"
ENTRIES = {
    **{"table": "2", "row": "L1", "dataset": "MNIST5k", "network": "LeNet-300-100"},
    **{"scope": "all", "method": "L1-norm", "ratio_definition": "neurons_removed", "ratio": "0.8"},
    **{"finetuning": "before", "metric": "accuracy", "value": "90.10", "plus_minus": "0.4"},
}
HERE = Machine(Path("nowhere"), Path("nowhere"))


def csv(path: Path, *lines: dict[str, str]) -> Path:
    header = list(lines[0])
    text = [",".join(header), *(",".join(line[name] for name in header) for line in lines)]
    path.write_text("\n".join(text) + "\n")
    return path


def figure(tmp_path: Path, **entries: str) -> Figure:
    [only] = read_figures(csv(tmp_path / "x.csv", {**ENTRIES, **entries}))
    return only


def test_a_line_says_what_is_printed(tmp_path: Path) -> None:
    read = figure(tmp_path)
    assert (read.value, read.half_digit, read.plus_minus) == (90.1, 0.005, 0.4)
    assert figure(tmp_path, value="63.9").half_digit == 0.05


def test_a_line_without_a_value_is_not_filled_in(tmp_path: Path) -> None:
    path = csv(tmp_path / "x.csv", ENTRIES, {**ENTRIES, "value": ""})
    assert len(read_figures(path)) == 1
    assert read_figures(RESULTS / "published" / TEMPLATE) == []


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"ratio": "80"}, "line 2: ratio = 80 is not accepted; a share in"),
        ({"value": "about 90"}, "line 2: value = 'about 90' is not accepted; a number is"),
        ({"metric": "top5"}, "line 2: unknown metric 'top5'; accepted are accuracy, error, drop"),
        ({"ratio_definition": "flops"}, "accepted are neurons_kept, neurons_removed, parameters"),
        ({"finetuning": "during"}, "unknown finetuning 'during'; accepted are before, after"),
        ({"colour": "red"}, "unknown column 'colour'; accepted are table, row"),
    ],
)
def test_what_is_not_accepted_is_one_line_and_exit_code_2(
    tmp_path: Path,
    entries: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = csv(tmp_path / "x.csv", {**ENTRIES, **entries})
    monkeypatch.setattr("sys.argv", ["check", "--results", str(tmp_path), "paper", str(path)])
    with pytest.raises(SystemExit) as leave:
        main()
    assert leave.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["spot", "--n", "0"], ["spot", "--minutes", "-1"], ["paper", "x", "--seeds", "0"]]
)
def test_numbers_on_the_command_line_are_checked(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["check", *arguments])
    with pytest.raises(SystemExit) as leave:
        main()
    assert leave.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"check: {arguments[-2].lstrip('-')} = {arguments[-1]}")
    assert error.count("\n") == 1


def test_a_missing_column_file_or_entry(tmp_path: Path) -> None:
    short = {name: text for name, text in ENTRIES.items() if name != "scope"}
    with pytest.raises(TropnncError, match="no column 'scope'"):
        read_figures(csv(tmp_path / "x.csv", short))
    with pytest.raises(TropnncError, match="not a readable CSV"):
        read_figures(tmp_path / "absent.csv")
    (tmp_path / "y.csv").write_text(",".join(REQUIRED) + "\n1,2,3\n")
    with pytest.raises(TropnncError, match="another number of entries"):
        read_figures(tmp_path / "y.csv")


def test_names_of_the_literature_become_overrides(tmp_path: Path) -> None:
    assert overrides_of(figure(tmp_path)) == (
        *("dataset=mnist5k", "arch=lenet300100", "method=l1", "scope=all"),
    )
    conv = figure(tmp_path, dataset="F-MNIST", network="Smyrnis-Maragos", method="Misiakos et al.")
    cell = cell_of(overrides_of(conv))
    assert (cell.dataset.name, cell.dataset.mean, cell.dataset.std) == (
        *("fashion_mnist", (0.0,), (1.0,)),
    )
    assert dict(cell.arch.options) == {"channels": 32, "hidden": 1000}
    assert cell.method.name == "misiakos"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"network": "VGG-19"}, "network 'VGG-19' is not at hand; accepted are .*lenet300100"),
        ({"method": "CUP-SS"}, "method 'CUP-SS' is not at hand; accepted are .*l1"),
        ({"dataset": "SVHN"}, "data set 'SVHN' is not at hand; accepted are"),
        ({"scope": "first"}, "scope 'first' is not known; accepted are all, linear, conv"),
        ({"ratio_definition": "none", "ratio": ""}, "the share kept is not stated"),
        ({"finetuning": "after"}, "for how long it was fine-tuned is not stated"),
    ],
)
def test_what_cannot_be_mapped_has_a_reason(
    tmp_path: Path, entries: dict[str, str], reason: str
) -> None:
    with pytest.raises(Unmapped, match=reason):
        overrides_of(figure(tmp_path, **entries))


def test_each_ratio_definition_becomes_a_keep_ratio(tmp_path: Path) -> None:
    cell = cell_of(["arch=mlp", "arch.widths=[100]"])
    assert keep_ratio(figure(tmp_path), cell, HERE) == 0.2
    kept = figure(tmp_path, ratio_definition="neurons_kept", ratio="0.3")
    assert keep_ratio(kept, cell, HERE) == 0.3
    # 784-100-10 keeps 785·k + 10·k + 10 of 79,510 parameters: 39,760 at k = 50.
    parameters = figure(tmp_path, ratio_definition="parameters_kept", ratio="0.5")
    assert round(100 * keep_ratio(parameters, cell, HERE)) == 50
    assert ratio_keeping(1e-9, cell, HERE) < 0.015


@pytest.mark.slow
def test_the_grids_of_inferred_tables_hold_the_templates_cells(tmp_path: Path) -> None:
    template = (RESULTS / "published" / TEMPLATE).read_text()
    (tmp_path / "x.csv").write_text(template.replace("accuracy,,", "accuracy,99.0,"))
    figures = read_figures(tmp_path / "x.csv")
    assert len(figures) == template.count("\n") - 1
    names = [path.stem for path in (CONF / "experiment").glob("paper_*.yaml")]
    grids = {cell for name in names for cell in experiment_cells(name)}
    compressed = [figure for figure in figures if not is_dense(figure)]
    for read in compressed:
        assert cell_of([*overrides_of(read), f"ratio={read.ratio}"]) in grids, read.label


def test_every_published_figure_names_its_source() -> None:
    files = published_files(RESULTS)
    assert len(files) >= 6
    for path in files:
        for read in read_figures(path):
            assert read.source, f"{path}: {read.label}"


def test_the_options_of_every_method_compose() -> None:
    assert OPTIONS.keys() <= set(method_names())
    for method, options in OPTIONS.items():
        plain = cell_of([f"method={method}"])
        changed = [cell_of([f"method={method}", option]) for option in options]
        assert len({plain, *changed}) == 1 + len(options)


def test_the_options_are_those_of_theory_section_6() -> None:
    named = {option.partition("=")[0].removeprefix("method.options.")
             for options in OPTIONS.values() for option in options}  # fmt: skip
    assert {"features", "incoming", "outgoing", "order", "split", "balance"} <= named
