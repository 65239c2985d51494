"""Published weights: what fits is loaded, everything else is one clear line."""

import hashlib
import io
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from experiments.architectures import build
from experiments.cell import run_cell
from experiments.published import load_published
from experiments.settings import ArchSettings
from experiments.sweep import check_sweep
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError

ARCH = ArchSettings("mlp", "experiments.architectures.MLP", (("widths", (8,)),))


def state() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return build(ARCH).state_dict()


def load(path: Path | str, tmp_path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    model = build(ARCH)
    arch = replace(ARCH, checkpoint=str(path), sha256=sha256)
    load_published(model, arch, tmp_path)
    return model.state_dict()


def test_torch_and_safetensors_files(tmp_path: Path) -> None:
    weights = state()
    prefixed = {f"module.{name}": value for name, value in weights.items()}
    torch.save(weights, tmp_path / "plain.pt")
    torch.save({"state_dict": prefixed, "epoch": 3}, tmp_path / "wrapped.th")
    safetensors.torch.save_file(weights, tmp_path / "plain.safetensors")
    for name in ("plain.pt", "wrapped.th", "plain.safetensors"):
        loaded = load(tmp_path / name, tmp_path)
        assert all(torch.equal(loaded[key], weights[key]) for key in weights)


def test_the_hash_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(state(), path)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    load(path, tmp_path, right.upper())
    with pytest.raises(TropnncError, match=f"its sha256 is {right}, arch.sha256 is 123"):
        load(path, tmp_path, "123")


def _with(name: str, value: Tensor | None) -> dict[str, Any]:
    weights = {key: tensor for key, tensor in state().items() if key != name}
    return weights if value is None else {**weights, name: value}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_with("1.bias", torch.full((8,), float("nan"))), "1.bias has NaN or infinite"),
        (_with("1.bias", None), "misses 1.bias"),
        (_with("extra", torch.ones(1)), "unexpected extra"),
        (_with("1.bias", torch.ones(9)), "1.bias is \\(9,\\)"),
        ([1, 2], "no state dict"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(TropnncError, match=message) as caught:
        load(path, tmp_path)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TropnncError, match="not a readable weights file"):
        load(path, tmp_path)
    with pytest.raises(TropnncError, match="No such file"):
        load(tmp_path / "absent.pt", tmp_path, "123")


def test_a_url_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = state()
    source = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(weights, source)
    fetched: list[str] = []

    def fetch(url: str, timeout: float) -> Any:
        fetched.append(url)
        return source.open("rb")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    load("https://example.org/weights.safetensors", tmp_path)
    loaded = load("https://example.org/weights.safetensors", tmp_path)
    assert fetched == ["https://example.org/weights.safetensors"]
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


URL = "https://example.org/weights.safetensors"


def answering(monkeypatch: pytest.MonkeyPatch, *answers: bytes) -> None:
    """The URL answers with each of ``answers`` once."""
    left = list(answers)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(left.pop(0)))


def test_a_download_that_was_damaged_is_set_aside_and_fetched_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = safetensors.torch.save(state())
    sha256 = hashlib.sha256(good).hexdigest()
    answering(monkeypatch, good, good)
    load(URL, tmp_path, sha256)
    [path] = (tmp_path / "downloads").iterdir()
    path.write_bytes(good[:-1])
    load(URL, tmp_path, sha256)
    assert path.read_bytes() == good
    assert f"{path}: damaged (its sha256 is not arch.sha256)" in capsys.readouterr().out
    assert (tmp_path / "damaged" / f"{path.name}.1").read_bytes() == good[:-1]


def test_an_answer_of_another_hash_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, b"an error page")
    with pytest.raises(TropnncError, match="its sha256 is"):
        load(URL, tmp_path, "123")
    assert not (tmp_path / "downloads").exists()


def test_a_file_of_ones_own_is_never_moved(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(state(), path)
    with pytest.raises(TropnncError, match="its sha256 is"):
        load(path, tmp_path, "123")
    assert path.is_file()


@pytest.mark.parametrize("error", [OSError("no route to host"), IncompleteRead(b"half", 4)])
def test_a_url_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(url: str, timeout: float) -> Any:
        raise error

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(TropnncError, match="download failed"):
        load("https://example.org/weights.pt", tmp_path)
    assert not (tmp_path / "downloads").exists()


def test_optional_weights_that_are_absent_are_skipped_with_the_reason(tmp_path: Path) -> None:
    arch = replace(a_cell().arch, checkpoint=str(tmp_path / "none.pt"), optional=True)
    cell = a_cell(arch=arch)
    check_sweep([cell], machine(tmp_path))
    outcome = run_cell(cell, machine(tmp_path))
    assert (outcome.status, outcome.record) == ("skipped", None)
    assert "none.pt: not at hand" in outcome.message
    with pytest.raises(TropnncError, match=r"none\.pt"):
        check_sweep([replace(cell, arch=replace(arch, optional=False))], machine(tmp_path))
