"""``python -m tropnnc`` on a weights file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.networks import ZOO, build, images
from tropnnc import compress, load_compressed, method_names
from tropnnc.cli import main
from tropnnc.vision import torchvision


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.save(build("lenet5").state_dict(), tmp_path / "lenet5.pt")
    return str(tmp_path / "lenet5.pt")


LENET5 = ["--arch", "tests.networks:LeNet5", "--input", "1,28,28"]


def test_compress_writes_what_the_library_returns(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "small"
    command = ["compress", weights, *LENET5, "--method", "l2", "--option", "bias=true"]
    assert main([*command, "--ratio", "0.25", "--out", str(out)]) == 0
    loaded = load_compressed(out, build("lenet5", seed=3))
    expected, report = compress(build("lenet5"), images("lenet5"), "l2", 0.25)
    assert report.widths == {"conv1": 2, "conv2": 3, "fc1": 4}
    assert [p.shape for p in loaded.parameters()] == [p.shape for p in expected.parameters()]
    printed = capsys.readouterr().out
    assert re.search(r"conv2 +conv +10 → 3 ", printed)
    assert (out / "report.txt").read_text() == printed


def test_compress_with_images_from_a_file(weights: str, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images("lenet5", 12, seed=2).numpy())
    command = ["compress", weights, *LENET5, "--method", "thinet", "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert main([*command, "--calibration", str(tmp_path / "images.npy")]) == 0
    loaded = load_compressed(tmp_path / "out", build("lenet5"))
    expected, _ = compress(
        build("lenet5"), images("lenet5"), "thinet", calibration=images("lenet5", 12, seed=2)
    )
    assert torch.equal(loaded(images("lenet5")), expected(images("lenet5")))


def test_inspect_lists_units_and_reasons(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", weights, *LENET5]) == 0
    printed = capsys.readouterr().out
    assert all(unit in printed for unit in ZOO["lenet5"].units)
    assert "fc2  Linear  its output is returned by the model" in printed


def test_a_classifier_of_torchvision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = torchvision().models.get_model("squeezenet1_1", weights=None, num_classes=10)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    network = ["--arch", "torchvision:squeezenet1_1", "--arch-option", "num_classes=10"]
    assert main(["inspect", str(tmp_path / "w.pt"), *network, "--input", "3,64,64"]) == 0
    assert "features.12.expand3x3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": "nowhere.pt"}, "nowhere.pt: no such file"),
        ({"--arch": "lenet5"}, "accepted are torchvision:NAME, package.module:factory"),
        ({"--arch": "torchvision:lenet5"}, "lenet5"),
        ({"--arch": "tests.networks:LeNet6"}, "LeNet6"),
        ({"--arch": "tests.networks:MLP"}, "does not fit the architecture"),
        ({"--arch": "tests.networks:build"}, "build"),
        ({"--input": "1,28,x"}, "accepted is a shape without batch"),
        ({"--input": "3,28,28"}, "does not run on an input"),
        ({"--method": "l3"}, ", ".join(method_names())),
        ({"--option": "bias"}, "accepted is key=value"),
        ({"--option": "colour=1"}, "accepted are bias"),
        ({"--ratio": "1.5"}, "accepted are 0 < ratio <= 1"),
        ({"--scope": "conv9"}, "units are conv1, conv2, fc1"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_no_output(
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    message: str,
) -> None:
    options = {"--arch": LENET5[1], "--input": LENET5[3], "--method": "l1"} | changed
    path = options.pop("weights", weights)
    flags = [text for pair in options.items() for text in pair]
    assert main(["compress", path, *flags, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_in_use(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compress", weights, *LENET5, "--out", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["lenet5.pt"]


def test_the_module_runs_as_a_program(weights: str) -> None:
    command = [sys.executable, "-m", "tropnnc", "inspect", weights, *LENET5]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "conv1" in done.stdout
