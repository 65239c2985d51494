"""Compressed gradients between two processes: exact where they must be, and the same in both."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from experiments import resuming
from experiments.bench import Bench, open_bench
from experiments.communication.processes import Exchanging, exchanging
from experiments.communication.settings import Communication
from experiments.ddp import Company
from experiments.finetuning import Curve, finetune
from experiments.resuming import Snapshot
from experiments.training_settings import Finetuning
from tests.harness.cells import RECIPE, a_cell, machine
from tests.harness.forks import in_two, kill_two

TUNING = Finetuning(
    replace(RECIPE, epochs=3, schedule="constant", batch=500), (1, 3), False, processes=2
)


class Wide(nn.Sequential):
    """Tensors above and below the border, batch norms, and a bucket that DDP rebuilds."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 40, 5, stride=3), nn.BatchNorm2d(40), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(40 * 64, 10)),
        )


def fresh() -> nn.Module:
    torch.manual_seed(3)
    return Wide()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return open_bench(a_cell(), machine(tmp_path_factory.mktemp("communication")))


def tuned(
    bench: Bench, folder: Path, company: Company, communication: Communication | None
) -> dict[str, Any]:
    """The weights of one process, what it has received, and its section of the record."""
    own = exchanging(company, communication, 0) if communication else None
    curve, model = Curve(), fresh()
    tuning = replace(TUNING, communication=communication)
    snapshot = Snapshot(folder / str(company.rank) / "x")
    finetune(model, tuning, bench, 0, curve, snapshot, own or company)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    section = {} if own is None else own.section()["communication"]
    return {"state": state, "points": curve.points, "section": section}


def of_two(bench: Bench, folder: Path, communication: Communication | None) -> list[Any]:
    folder.mkdir(exist_ok=True)
    found = in_two(folder, lambda company: tuned(bench, folder, company, communication))
    assert all(isinstance(each, dict) for each in found), found
    return found


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["points"] == other["points"]
    for name, value in one["state"].items():
        assert value.tobytes() == other["state"][name].tobytes(), name


SENT = (
    Communication("topk_rice", 0.01, "fp32"),
    Communication("topk_bloom_p2", 0.05, "bf16"),
    Communication("topk_range", 0.1, "qsgd"),
    Communication("fp16"),
    Communication("powersgd"),
)


@pytest.mark.slow
@pytest.mark.parametrize("communication", SENT, ids=lambda own: own.codec)
def test_ranks_stay_equal_and_killed_they_go_on_to_the_same_bits(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, communication: Communication
) -> None:
    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    straight = of_two(bench, tmp_path / "straight", communication)
    assert_same(*straight)
    kill_two(tmp_path, lambda c: tuned(bench, tmp_path, c, communication), monkeypatch)
    for before, after in zip(straight, of_two(bench, tmp_path, communication), strict=True):
        assert_same(before, after)
        assert before["section"] == after["section"]
    section = straight[0]["section"]
    assert section["dense_bytes_per_step"] == 4 * (40 * 25 + 3 * 40 + 25_600 + 10)
    assert section["steps"] == 3 * 7
    share = section["bytes_per_step"] / section["dense_bytes_per_step"]
    assert share == 0.5 if communication.codec == "fp16" else share < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["topk_rice", "topk_bloom_p1"])
def test_everything_kept_is_no_hook_bit_for_bit(bench: Bench, tmp_path: Path, codec: str) -> None:
    one, _ = of_two(bench, tmp_path / "with", Communication(codec, 1.0, "fp32"))
    other, _ = of_two(bench, tmp_path / "without", None)
    assert_same(one, other)


@pytest.mark.slow
def test_lossless_codecs_change_bytes_and_nothing_else(bench: Bench, tmp_path: Path) -> None:
    found = {
        codec: of_two(bench, tmp_path / codec, Communication(codec, 0.02, "fp32"))[0]
        for codec in ("topk_rice", "topk_raw32")
    }
    assert_same(found["topk_rice"], found["topk_raw32"])
    rice, raw = (each["section"]["bytes_per_step"] for each in found.values())
    assert rice < raw


def one_step(own: Exchanging | Company, rank: int) -> list[Tensor]:
    """Gradients of three steps on this process's own images, averaged."""
    model = fresh()
    network = own.averaging(model)
    images = torch.randn(3, 8, 1, 28, 28, generator=torch.Generator().manual_seed(rank))
    gradients = []
    for batch in images:
        model.zero_grad()
        network(batch).square().mean().backward()
        gradients += [p.grad.clone() for p in model.parameters() if p.grad is not None]
    return gradients


def compared(company: Company) -> bool:
    whole = exchanging(company, Communication("topk_range", 1.0, "fp32"), 0)
    pairs = zip(one_step(whole, company.rank), one_step(company, company.rank), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_everything_kept_averages_as_torch_does(tmp_path: Path) -> None:
    assert in_two(tmp_path, compared) == [True, True]
    assert in_two(tmp_path, compared, size=1) == [True]


def powered(company: Company) -> list[list[bool]]:
    own = exchanging(company, Communication("powersgd"), 0)
    steps = zip(one_step(own, company.rank), one_step(company, company.rank), strict=True)
    same = [torch.equal(one, other) for one, other in steps]
    return [same[:6], same[6:12], same[12:]]


def test_powersgd_compresses_matrices_from_its_third_step_on(tmp_path: Path) -> None:
    whole, third = [True] * 6, [False, True, True, True, False, True]
    assert in_two(tmp_path, powered) == [[whole, whole, third]] * 2


def feedback(company: Company) -> list[Any]:
    own = exchanging(company, Communication("topk_rice", 0.01, "fp32"), 0)
    one_step(own, company.rank)
    state = copy.deepcopy(own.state_dict())
    residuals = state["exchange"]["residuals"]
    return [
        {name: bool(value.any()) for name, value in residuals.items()},
        state["exchange"]["step"],
        own.section(),
    ]


def test_every_parameter_has_a_residual_and_small_ones_none_left(tmp_path: Path) -> None:
    for left, step, section in in_two(tmp_path, feedback):
        assert set(left) == {name for name, _ in fresh().named_parameters()}
        assert [name for name, any_left in left.items() if any_left] == ["4.weight"]
        assert step == section["communication"]["steps"] == 3
        assert set(section["timing"]) == {"hook_seconds", "step_seconds"}
        assert 0 < section["timing"]["hook_seconds"] < section["timing"]["step_seconds"]
