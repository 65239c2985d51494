"""``python -m tropnnc store``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.networks import build
from tests.storage.tensors import bit_equal
from tropnnc.cli import main
from tropnnc.files import load_weights
from tropnnc.storage import codec_names


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.save(build("resnet").state_dict(), tmp_path / "w.pt")
    return str(tmp_path / "w.pt")


@pytest.mark.parametrize("codec", sorted({*codec_names()} - {"fp16"}))
def test_it_writes_what_loads_back_bit_equal(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], codec: str
) -> None:
    out = tmp_path / "new" / "w.stored"
    assert main(["store", weights, "--codec", codec, "--out", str(out)]) == 0
    loaded = load_weights(out)
    assert all(bit_equal(loaded[n], t) for n, t in build("resnet").state_dict().items())
    printed = capsys.readouterr().out
    size = out.stat().st_size
    assert printed.endswith(f"{out}: {size:,} bytes, codec {codec}\n")
    [total] = [line for line in printed.splitlines() if line.startswith("file ")]
    entries = sum(tensor.numel() for tensor in loaded.values())
    words = ["file", f"{len(loaded)}", f"{entries:,}", f"{4 * entries:,}", f"{size:,}"]
    assert total.split() == [*words, f"{4 * entries / size:.2f}"]


def test_a_stored_file_is_stored_again(weights: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    assert main(["store", weights, "--codec", "ham", "--out", str(first)]) == 0
    assert main(["store", str(first), "--codec", "ham", "--out", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--codec", "zip"], f"unknown codec 'zip'; accepted are {', '.join(codec_names())}"),
        (["--codec", "fp16"], "is not exactly representable in float16"),
        (["--out", "."], ". exists already; name a new file"),
        (["--out", 300 * "n"], "not written: File name too long"),
    ],
)
def test_bad_input_is_one_line_and_no_file(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str
) -> None:
    command = ["store", weights, "--codec", "ham", "--out", str(tmp_path / "out"), *change]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert said in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"]


def test_a_file_that_is_there_stays(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(weights).read_bytes()
    assert main(["store", weights, "--out", weights]) == 2
    assert "exists already" in capsys.readouterr().err
    assert Path(weights).read_bytes() == before


def test_a_folder_that_is_a_file(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", weights, "--out", f"{weights}/inside"]) == 2
    printed = capsys.readouterr().err
    assert "not written" in printed
    assert printed.count("\n") == 1
