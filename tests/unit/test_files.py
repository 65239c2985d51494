"""Damaged, missing or foreign files: one line, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.networks import build, images
from tropnnc import TropnncError, compress, load_compressed, save_compressed
from tropnnc.files import RECIPE_FILE, WEIGHTS_FILE, load_state, load_weights, write_atomic


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    small, _ = compress(build("lenet5"), images("lenet5"))
    save_compressed(small, tmp_path / "small")
    return tmp_path / "small"


def _message(path: Path, network: str = "lenet5") -> str:
    with pytest.raises(TropnncError) as caught:
        load_compressed(path, build(network))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_only_the_two_files_are_left(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == {WEIGHTS_FILE, RECIPE_FILE}
    recipe = json.loads((saved / RECIPE_FILE).read_text())
    assert recipe["layers"]["conv2"] == {"weight": [5, 3, 5, 5], "bias": [5]}


@pytest.mark.parametrize("name", [WEIGHTS_FILE, RECIPE_FILE])
def test_a_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    assert _message(saved) == f"{saved / name}: no such file"


def test_a_flipped_byte(saved: Path) -> None:
    data = bytearray((saved / WEIGHTS_FILE).read_bytes())
    data[-1] ^= 1
    (saved / WEIGHTS_FILE).write_bytes(data)
    assert "sha256" in _message(saved)


def test_a_truncated_file(saved: Path) -> None:
    data = (saved / WEIGHTS_FILE).read_bytes()
    (saved / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])
    assert str(saved / WEIGHTS_FILE) in _message(saved)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_recipe_that_is_none(saved: Path, text: str) -> None:
    (saved / RECIPE_FILE).write_text(text)
    assert str(saved / RECIPE_FILE) in _message(saved)


def test_another_architecture(saved: Path) -> None:
    assert "not in the given architecture" in _message(saved, "mlp")


def test_loading_leaves_the_given_network_as_it_was(saved: Path) -> None:
    model = build("lenet5")
    load_compressed(saved, model)
    assert model(images("lenet5")).shape == (8, 5)
    assert model.get_parameter("conv1.weight").shape == (6, 1, 5, 5)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


class Surprise:
    """What a malicious weights file would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code of the file was run')",)


def test_a_file_that_holds_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": Surprise()}, tmp_path / "bad.pt")
    with pytest.raises(TropnncError, match=r"bad\.pt"):
        load_weights(tmp_path / "bad.pt")


@pytest.mark.parametrize(
    "content", [b"hello world\n", b".", b"\x80\x02h\x05.", b"\x80\x02}X\x01", b""]
)
def test_a_file_that_is_none_of_torchs_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(
        TropnncError, match=r"bad\.pt: not a readable weights file: damaged"
    ) as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "a folder, not a file"),
        (tmp_path / "absent", "no such file"),
        (tmp_path / (300 * "n"), "File name too long"),
    ):
        with pytest.raises(TropnncError, match=f"^{path}: {said}$"):
            load_weights(path)


def test_a_submodule_of_the_prefixs_name_keeps_it(tmp_path: Path) -> None:
    state = {"module.weight": torch.ones(2), "weight": torch.zeros(2)}
    torch.save(state, tmp_path / "w.pt")
    assert list(load_weights(tmp_path / "w.pt")) == list(state)


@pytest.mark.parametrize("wrap", ["plain", "state_dict", "model"])
def test_wrapped_and_prefixed_state_dicts_are_read(tmp_path: Path, wrap: str) -> None:
    model = build("mlp")
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save(state if wrap == "plain" else {wrap: state, "epoch": 3}, tmp_path / "w.pt")
    loaded = load_weights(tmp_path / "w.pt")
    assert all(torch.equal(loaded[name], t) for name, t in model.state_dict().items())


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(3, 2), nn.Linear(2, 1)], r"misses 1\.bias"),
        ([], r"unexpected 0\.bias"),
        ([nn.Linear(3, 4)], r"0\.weight is \(2, 3\), the architecture has \(4, 3\)"),
    ],
)
def test_a_state_dict_that_does_not_fit(layers: list[nn.Module], message: str) -> None:
    tensors = {"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(2)}
    with pytest.raises(TropnncError, match=rf"^here does not fit the architecture: .*{message}"):
        load_state(nn.Sequential(*layers), tensors, "here")
