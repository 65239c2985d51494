"""Training: the same bytes again, no look at the test images, a cache that checks itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from experiments import checkpoints
from experiments.augmentation import shifted
from experiments.checkpoints import Training, trained_network
from experiments.data import Dataset, Examples, Split, load_dataset
from experiments.identity import weights_hash
from experiments.training import train_network
from experiments.training_settings import TrainSettings
from tests.harness.cells import CELL, RECIPE
from tropnnc import TropnncError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("mnist5k", Path("nowhere"))


def trained(dataset: Dataset, seed: int = 0, recipe: TrainSettings = RECIPE) -> str:
    model = train_network(CELL.arch, recipe, dataset, CELL.dataset, seed, CPU)
    assert not model.training
    return weights_hash(model.state_dict())


def cached(dataset: Dataset, runs_dir: Path) -> nn.Module:
    return trained_network(Training(CELL.arch, RECIPE, dataset, CELL.dataset, 0), CPU, runs_dir)


def test_same_seed_same_bytes_whatever_was_drawn_before(digits: Dataset) -> None:
    first = trained(digits)
    torch.rand(17)
    before = torch.get_rng_state()
    assert trained(digits) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert trained(digits, seed=1) != first


def test_initial_weights_depend_on_the_seed(digits: Dataset) -> None:
    # A seed set after the model is built would leave them to chance.
    still = TrainSettings("sgd", 1e-30, "cosine", 1, 5000, 0.0, 0.0, 0)
    assert trained(digits, recipe=still) == trained(digits, recipe=still)
    assert trained(digits, recipe=still) != trained(digits, seed=1, recipe=still)


def test_validation_and_test_images_play_no_part(digits: Dataset) -> None:
    def blank(split: Examples) -> Split:
        return Split(torch.zeros_like(split.images), torch.zeros_like(split.labels))

    blanked = Dataset("x", digits.train, blank(digits.validation), blank(digits.test))
    assert trained(blanked) == trained(digits)


def test_a_cached_network_is_not_trained_again(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached(digits, tmp_path)
    monkeypatch.setattr(checkpoints, "train_network", None)
    assert weights_hash(cached(digits, tmp_path).state_dict()) == weights_hash(first.state_dict())


@pytest.mark.parametrize("damage", ["truncated", "flipped", "no facts", "torn facts"])
def test_a_damaged_checkpoint_is_trained_anew(
    digits: Dataset, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = weights_hash(cached(digits, tmp_path).state_dict())
    facts, weights = sorted((tmp_path / "checkpoints").iterdir())
    blob = weights.read_bytes()
    if damage == "truncated":
        weights.write_bytes(blob[:-100])
    elif damage == "flipped":
        weights.write_bytes(blob[:-1] + bytes([blob[-1] ^ 1]))
    elif damage == "no facts":
        facts.unlink()
    else:
        facts.write_text(facts.read_text()[:20])
    damaged = weights.read_bytes()
    assert weights_hash(cached(digits, tmp_path).state_dict()) == good
    assert weights.read_bytes() == blob
    if damage != "no facts":  # that one was never finished
        assert f"{weights}: damaged" in capsys.readouterr().out
        assert (tmp_path / "damaged" / f"{weights.name}.1").read_bytes() == damaged


def test_an_unknown_option_of_an_architecture(digits: Dataset) -> None:
    bad = replace(CELL.arch, options=(("widths", (0,)),))
    with pytest.raises(TropnncError, match="positive integers"):
        train_network(bad, RECIPE, digits, CELL.dataset, 0, CPU)


def test_shift_moves_each_image_within_its_reach() -> None:
    images = torch.zeros(200, 1, 9, 9, dtype=torch.uint8)
    images[:, :, 4, 4] = 255
    moved: Tensor = shifted(images, 2, torch.Generator().manual_seed(0))
    assert (moved.flatten(1).sum(dim=1) == 255).all()
    places = {divmod(int(image.argmax()), 9) for image in moved}
    assert places == {(row, column) for row in range(2, 7) for column in range(2, 7)}
