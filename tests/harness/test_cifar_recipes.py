"""Options of a recipe: absent when off, checked when given, and doing what they say."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim

from experiments.data import Dataset, load_dataset
from experiments.identity import weights_hash
from experiments.networks_cifar import CifarVGG
from experiments.optimising import make_optimizer, make_schedule
from experiments.parsing import cell_settings, machine_settings
from experiments.settings import ArchSettings
from experiments.training import train_network
from experiments.training_settings import TrainSettings
from tests.harness.cells import CELL, RECIPE, ROOT, composed
from tropnnc import TropnncError

OPTIONS = ("flip", "warmup", "decay_weights_only", "channels_last", "precision", "storage")
TRAINED_HERE = ("cifar_vgg", "cifar_alexnet", "resnet14", "resnet20")
FOR_A_GPU = ("cifar_vgg_full", "resnet110", "nin", "wide_resnet")
SGD = replace(RECIPE, optimizer="sgd", schedule="one_cycle_linear", learning_rate=0.1)


def recipe(dataset: str, arch: str) -> TrainSettings:
    return cell_settings(composed(f"dataset={dataset}", f"arch={arch}")).train


def rates(settings: TrainSettings, steps: int) -> list[float]:
    optimizer = make_optimizer(nn.Linear(2, 2), settings)
    schedule = make_schedule(optimizer, settings, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_options_that_are_off_leave_identities_as_they_were() -> None:
    assert set(RECIPE.determinants()).isdisjoint(OPTIONS)
    assert RECIPE.determinants()["weight_decay"] == 0.0  # false, but not off
    on = replace(RECIPE, flip=True, warmup=0.1, channels_last=True, storage="float16")
    assert on.determinants() == {
        **RECIPE.determinants(), "flip": True, "warmup": 0.1, "channels_last": True,
        "storage": "float16",
    }  # fmt: skip


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("arch", [*TRAINED_HERE, *FOR_A_GPU])
def test_every_network_has_a_recipe(dataset: str, arch: str) -> None:
    settings = recipe(dataset, arch)
    assert settings.flip
    assert settings.shift == 4
    assert (settings.precision == "bfloat16") == (arch in FOR_A_GPU)
    text = (ROOT / "conf" / "train" / dataset / f"{arch}.yaml").read_text()
    assert ("Not run here: for a GPU." in text) == (arch in FOR_A_GPU)


def test_the_number_of_classes_is_the_data_sets() -> None:
    cell = cell_settings(composed("dataset=cifar100", "arch=cifar_vgg"))
    assert dict(cell.arch.options)["classes"] == 100


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.flip=1", "train.flip = 1 is not accepted; true or false is"),
        ("train.precision=float8", "unknown train.precision 'float8'; accepted are bfloat16"),
        ("train.storage=int8", "unknown train.storage 'int8'; accepted are float16"),
        ("train.warmup=1", "train.warmup = 1 is not accepted; a number with 0 < train.warmup"),
        ("train.schedule=step", "accepted are one_cycle, one_cycle_linear, cosine, constant"),
    ],
)
def test_values_that_are_not_accepted(override: str, message: str) -> None:
    with pytest.raises(TropnncError, match=message):
        cell_settings(composed("dataset=cifar10", "arch=cifar_vgg", override))


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "mps"])
def test_devices(device: str) -> None:
    assert machine_settings(composed(f"device={device}")).device == device


def test_linear_cycle_rises_over_its_warmup_and_falls_on_a_line() -> None:
    found = rates(replace(SGD, warmup=0.2), steps=100)
    assert max(found) == found[19] == pytest.approx(0.1)
    assert found[0] == pytest.approx(0.1 / 25)
    falling = [after - before for before, after in pairwise(found[19:])]
    assert falling == pytest.approx([falling[0]] * len(falling))
    assert rates(replace(SGD, schedule="one_cycle"), 50) == pytest.approx(
        rates(replace(SGD, schedule="one_cycle", warmup=0.3), 50)
    )


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_without_a_gradient_decay_shrinks_weights_only(name: str) -> None:
    model = CifarVGG(0.05, 10)
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    settings = replace(SGD, optimizer=name, weight_decay=0.5, decay_weights_only=True)
    optimizer: optim.Optimizer = make_optimizer(model, settings)
    for weights in model.parameters():
        weights.grad = torch.zeros_like(weights)
    optimizer.step()
    for key, value in model.named_parameters():
        shrunk = value.detach().abs().sum() < before[key].abs().sum()
        assert bool(shrunk) == (value.ndim > 1), key


@pytest.fixture(scope="module")
def few_digits() -> Dataset:
    whole = load_dataset("mnist5k", Path("nowhere"))
    train = whole.train.take(torch.arange(0, 3500, 7))
    return Dataset("few", train, whole.validation, whole.test)


@pytest.mark.parametrize(
    "change", [{"flip": True}, {"precision": "bfloat16"}, {"channels_last": True}]
)
def test_options_give_the_same_bytes_again(few_digits: Dataset, change: dict[str, Any]) -> None:
    arch = ArchSettings("lenet5", "experiments.architectures.LeNet5")

    def trained(settings: TrainSettings) -> str:
        model = train_network(arch, settings, few_digits, CELL.dataset, 0, torch.device("cpu"))
        assert all(weights.is_contiguous() for weights in model.parameters())
        assert all(weights.dtype == torch.float32 for weights in model.parameters())
        return weights_hash(model.state_dict())

    plain = replace(SGD, shift=0, learning_rate=0.01)
    on = replace(plain, **change)
    assert trained(on) == trained(on) != trained(plain)
