"""Committed networks: used where they apply, said where they do not, never replaced silently."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from experiments import checkpoints, checkpoints_commit
from experiments.bench import open_bench
from experiments.checkpoints import (
    Training,
    checkpoint_files,
    committed_files,
    is_stored,
    trained_network,
)
from experiments.data import load_dataset
from experiments.evaluation import evaluate
from experiments.identity import weights_hash
from experiments.network_files import in_float16, read_facts, read_weights
from experiments.networks import training_of
from experiments.published import absence, load_published
from experiments.settings import ArchSettings, CellSettings
from tests.harness.cells import CELL, RECIPE, machine
from tropnnc import TropnncError
from tropnnc.files import write_atomic

CPU = torch.device("cpu")
HALF = replace(CELL, train=replace(RECIPE, storage="float16"))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "COMMITTED", tmp_path / "committed")


def task_of(cell: CellSettings, tmp_path: Path) -> Training:
    task = training_of(cell, machine(tmp_path))
    assert task is not None
    return task


def commit(tmp_path: Path, cell: CellSettings = HALF) -> Training:
    checkpoints_commit.commit(cell, machine(tmp_path), "the command")
    return task_of(cell, tmp_path)


def hash_of(model: nn.Module) -> str:
    return weights_hash(model.state_dict())


def test_storage_in_float16_is_part_of_the_recipe(tmp_path: Path) -> None:
    full, half = (
        trained_network(task_of(cell, tmp_path), CPU, tmp_path / "runs") for cell in (CELL, HALF)
    )
    rounded = in_float16(full.state_dict())
    full.load_state_dict(rounded)
    assert hash_of(half) == hash_of(full)
    again = trained_network(task_of(HALF, tmp_path), CPU, tmp_path / "runs")
    assert hash_of(again) == hash_of(half)
    stored = read_weights(checkpoint_files(task_of(HALF, tmp_path), tmp_path / "runs"))
    assert stored is not None
    assert {value.dtype for value in stored.values() if value.ndim > 1} == {torch.float16}
    assert {value.dtype for value in stored.values() if value.ndim <= 1} == {torch.float32}


def test_a_fresh_clone_uses_what_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = commit(tmp_path)
    monkeypatch.setattr(checkpoints, "train_network", None)
    fresh = tmp_path / "fresh" / "runs"
    assert is_stored(task, fresh)
    model = trained_network(task, CPU, fresh)
    facts = read_facts(committed_files(task)[1])
    assert hash_of(model) == facts["weights"]
    assert facts["identity"] == task.identity
    assert facts["command"] == "the command"
    assert not fresh.exists()
    test = load_dataset("mnist5k", tmp_path).test
    images = open_bench(HALF, machine(tmp_path)).test_images
    assert facts["test"]["correct"] == evaluate(model, images, test.labels, CPU).correct


def test_committing_again_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = commit(tmp_path)
    before = [path.read_bytes() for path in committed_files(task)]
    monkeypatch.setattr(checkpoints, "train_network", None)
    commit(tmp_path)
    assert [path.read_bytes() for path in committed_files(task)] == before


def test_another_recipe_says_so_and_trains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = commit(tmp_path)
    capsys.readouterr()
    other = task_of(replace(HALF, train=replace(HALF.train, epochs=2)), tmp_path)
    model = trained_network(other, CPU, tmp_path / "runs")
    assert hash_of(model) != read_facts(committed_files(committed)[1])["weights"]
    said = capsys.readouterr().out
    assert f"{committed_files(committed)[1]}: not of this recipe" in said
    assert checkpoint_files(other, tmp_path / "runs")[0].parent == tmp_path / "runs" / "checkpoints"


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_committed_network_is_refused(tmp_path: Path, damage: str) -> None:
    task = commit(tmp_path)
    weights = committed_files(task)[0]
    blob = weights.read_bytes()
    bad = blob[:-9] if damage == "truncated" else blob[:-1] + bytes([blob[-1] ^ 1])
    weights.write_bytes(bad)
    with pytest.raises(TropnncError, match="git checkout") as caught:
        trained_network(task, CPU, tmp_path / "fresh")
    assert "\n" not in str(caught.value)
    assert weights.read_bytes() == bad


def test_a_network_too_large_for_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints_commit, "MEGABYTES", 0)
    with pytest.raises(TropnncError, match=r"train\.storage=float16 halves it"):
        commit(tmp_path)
    assert not (tmp_path / "committed").exists()


def test_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ["arch=mlp", "arch.widths=[8]", "train.epochs=1", f"results_dir={tmp_path}"]
    assert checkpoints_commit.main([*overrides, "--seeds", "0", "1"]) == 0
    names = sorted(path.name for path in (tmp_path / "committed").iterdir())
    assert names == [
        f"mnist5k_mlp_seed{k}.{end}" for k in (0, 1) for end in ("json", "safetensors")
    ]
    assert "of 1,000 test images" in capsys.readouterr().out
    published = [*overrides, f"arch.checkpoint={tmp_path / 'x.pt'}"]
    assert checkpoints_commit.main(published) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Published weights that two files may hold: by path, otherwise by URL.

RESNET = ArchSettings(
    "resnet8", "experiments.networks_cifar.ResNet", (("classes", 10), ("depth", 8))
)


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArchSettings:
    """Ours with counters, upstream's without, wrapped and prefixed, behind a URL."""
    state = checkpoints.build(RESNET).state_dict()
    torch.save(state, tmp_path / "ours.pt")
    upstream = {f"module.{k}": v for k, v in state.items() if "num_batches" not in k}
    torch.save({"state_dict": upstream, "best_prec1": 91.7}, tmp_path / "upstream.th")
    monkeypatch.setattr(
        "urllib.request.urlopen", lambda url, timeout: (tmp_path / "upstream.th").open("rb")
    )
    return replace(
        RESNET,
        checkpoint=str(tmp_path / "ours.pt"),
        url="https://example.org/upstream.th",
        weights=weights_hash(state),
        optional=True,
    )


def loaded(arch: ArchSettings, runs_dir: Path) -> str:
    model = checkpoints.build(arch)
    load_published(model, arch, runs_dir)
    return hash_of(model)


def test_either_container_passes(containers: ArchSettings, tmp_path: Path) -> None:
    assert loaded(containers, tmp_path / "runs") == containers.weights
    assert not (tmp_path / "runs").exists()  # nothing was downloaded
    (tmp_path / "ours.pt").unlink()
    assert absence(containers, tmp_path / "runs") is None
    assert loaded(containers, tmp_path / "runs") == containers.weights
    assert list((tmp_path / "runs" / "downloads").iterdir())


def test_other_tensors_do_not_pass(containers: ArchSettings, tmp_path: Path) -> None:
    torch.save(checkpoints.build(RESNET).state_dict(), tmp_path / "ours.pt")
    with pytest.raises(TropnncError, match="the hash of its tensors is") as caught:
        loaded(containers, tmp_path / "runs")
    assert "\n" not in str(caught.value)


def test_neither_file_nor_network_is_a_reason_to_skip(
    containers: ArchSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def refuse(url: str, timeout: float) -> None:
        tries.append(url)
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    (tmp_path / "ours.pt").unlink()
    for _ in range(3):
        reason = absence(containers, tmp_path / "runs")
        assert reason is not None
        assert reason.startswith(f"{tmp_path / 'ours.pt'}: not at hand; https://example.org")
    assert len(tries) == 1
    write_atomic(tmp_path / "ours.pt", b"")
    assert absence(containers, tmp_path / "runs") is None
