"""``python -m tropnnc imagine``: made once, gone on with, refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.networks import build
from tests.unit.test_imagine import Killed, kill_at
from tropnnc.cli import main
from tropnnc.imagination import Recipe, imagine, load_images, snapshot
from tropnnc.unit import Pixels

RECIPE = ["--count", "6", "--steps", "3"]
PIXELS = ["--mean=-0.1,0,0.1", "--std", "0.9", "--low=-2,-2,-1", "--high", "2"]


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    torch.save(build("resnet").state_dict(), tmp_path / "w.pt")
    network = ["--arch", "tests.networks:ResNet", "--input", "3,10,10"]
    out = ["--out", str(tmp_path / "images.st")]
    return ["imagine", str(tmp_path / "w.pt"), *network, *RECIPE, *PIXELS, *out]


def _names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def test_it_writes_what_the_library_makes(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--batch", "3", "--option", "shift=1", "--seed", "2"]
    assert main([*command, *more]) == 0
    recipe = Recipe(count=6, steps=3, batch=3, shift=1)
    pixels = Pixels((-0.1, 0, 0.1), 0.9, (-2, -2, -1), 2)
    expected = imagine(build("resnet"), (3, 10, 10), recipe, pixels, 2)
    loaded = load_images(tmp_path / "images.st")
    assert torch.equal(loaded.tensor, expected.tensor)
    assert loaded.origin == expected.origin
    assert _names(tmp_path) == ["images.st", "images.st.png", "w.pt"]
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(f"{tmp_path / 'images.st'}: 12 images, dead leaves matched to 6")
    assert printed.out.count("\n") == 1


def test_the_same_images_are_not_made_again(
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(command) == 0
    before = (tmp_path / "images.st").read_bytes()
    capsys.readouterr()
    kill_at(monkeypatch, 0)
    assert main(command) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert (tmp_path / "images.st").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--steps", "4"], "images of other steps"),
        (["--seed", "1"], "images of other seed"),
        (["--high", "2.5"], "images of other pixels"),
    ],
)
def test_other_images_are_replaced_by_force_alone(
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    said: str,
) -> None:
    assert main(command) == 0
    before = (tmp_path / "images.st").read_bytes()
    capsys.readouterr()
    assert main([*command, *change]) == 2
    printed = capsys.readouterr().err
    assert f"{said}; --force replaces them" in printed
    assert printed.count("\n") == 1
    assert (tmp_path / "images.st").read_bytes() == before
    assert main([*command, *change, "--force"]) == 0
    assert (tmp_path / "images.st").read_bytes() != before


def test_a_damaged_file_is_replaced_by_force_alone(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images.st").write_bytes(b"damaged")
    assert main(command) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert len(load_images(tmp_path / "images.st").tensor) == 12  # mirror images too


def test_a_command_that_was_killed_goes_on(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*command, "--out", str(tmp_path / "whole.st")]) == 0
    monkeypatch.setattr(snapshot, "SECONDS", 0.0)
    with monkeypatch.context() as context:
        kill_at(context, 2)
        with pytest.raises(Killed):
            main(command)
    assert "images.st.part" in _names(tmp_path)
    taken = kill_at(monkeypatch, 99)
    assert main(command) == 0
    assert taken == [2]
    assert (tmp_path / "images.st").read_bytes() == (tmp_path / "whole.st").read_bytes()
    assert "images.st.part" not in _names(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--count", "1"], "count = 1 is out of range, accepted are 2 and more"),
        (["--batch", "2"], "batch = 2 is out of range"),
        (["--input", "300"], "accepted are images (channels, height, width)"),
        (
            ["--input", "1,10,10", "--mean", "0", "--low=-2"],
            "does not run on an input of (2, 1, 10, 10)",
        ),
        (["--mean", "x"], "mean 'x': accepted are numbers"),
        (["--mean", "1,2"], "mean has 2 values; accepted are 1 or 3"),
        (["--std", "0"], "accepted are positive numbers"),
        (["--high=-3"], "is not below high"),
        (["--option", "rate=1"], "unknown option 'rate'; accepted are count"),
        (["--option", "shift=two"], "shift = 'two'"),
        (["--arch", "tests.networks:MLP"], "does not fit the architecture"),
        (["--out", "."], ". is a folder"),
    ],
)
def test_bad_input_is_one_line_and_no_file(
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    message: str,
) -> None:
    assert main([*command, *change]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert message in printed.err
    assert _names(tmp_path) == ["w.pt"]
