"""Early stopping: on held-back training images, back to the lowest loss."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from experiments import training
from experiments.data import Split, load_dataset
from experiments.early_stopping import Stopper, hold_back
from experiments.training import train_network
from experiments.training_settings import EarlyStopping
from tests.harness.cells import CELL, RECIPE

CPU = torch.device("cpu")
STOPPING = replace(
    RECIPE, schedule="constant", epochs=4, early_stopping=EarlyStopping(share=0.2, patience=1)
)


def test_the_share_is_held_back_and_the_rest_is_trained_on() -> None:
    split = Split(torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1), torch.arange(50))
    held, rest = hold_back(split, 0.2, torch.Generator().manual_seed(0))
    assert (len(held), len(rest)) == (10, 40)
    assert sorted([*held.labels.tolist(), *rest.labels.tolist()]) == list(range(50))
    assert torch.equal(held.images.flatten().long(), held.labels)


def test_it_stops_after_patience_and_goes_back_to_the_lowest_loss() -> None:
    images = Split(torch.full((4, 1, 28, 28), 255, dtype=torch.uint8), torch.zeros(4).long())
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    bias = model.get_parameter("1.bias")
    stopper = Stopper(2, images, CELL.dataset)
    answers = []
    for right in (1.0, 3.0, 2.0, 2.5, 9.0):
        with torch.no_grad():
            model.get_parameter("1.weight").zero_()
            bias.zero_()[0] = right
        answers.append(stopper.done(model))
        if answers[-1]:
            break
    assert answers == [False, False, False, True]
    stopper.restore(model)
    assert bias[0] == 3.0


def test_training_stops_early_and_neither_validation_nor_test_images_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digits = load_dataset("mnist5k", Path("nowhere"))
    sizes: list[int] = []

    class Impatient(Stopper):
        def __init__(self, patience: int, held: Split, settings: object) -> None:
            sizes.append(len(held))
            super().__init__(patience, held, CELL.dataset)

        def done(self, model: nn.Module) -> bool:
            super().done(model)
            return True

    monkeypatch.setattr(training, "Stopper", Impatient)
    model = train_network(CELL.arch, STOPPING, digits, CELL.dataset, 0, CPU)
    once = train_network(CELL.arch, replace(STOPPING, epochs=1), digits, CELL.dataset, 0, CPU)
    assert sizes == [700, 700]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, once.state_dict()[name])


def test_off_is_left_out_of_the_identity() -> None:
    assert "early_stopping" not in RECIPE.determinants()
    assert STOPPING.determinants()["early_stopping"] == {"share": 0.2, "patience": 1}
