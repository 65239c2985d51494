"""Several processes see what one sees: parts of batches, gradients, evaluations, snapshots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from experiments import ddp, resuming
from experiments import measure as measuring
from experiments.augmentation import batches
from experiments.bench import Bench, open_bench
from experiments.console import short_errors
from experiments.data import Split
from experiments.ddp import Company, together
from experiments.finetuning import Curve, finetune
from experiments.logits import classification_loss
from experiments.parsing import cell_settings
from experiments.processes import Alone, Part, Processes, parts, share
from experiments.record import read_records
from experiments.resuming import Snapshot
from experiments.sweep import check_processes, run_sweep
from experiments.torchrun import ProcessesFailed, rank_started, size_started
from experiments.training_settings import Finetuning
from tests.harness.cells import RECIPE, a_cell, composed, machine
from tests.harness.forks import in_two, kill_two
from tropnnc import TropnncError

SIZES = st.integers(1, 5)
# 3,500 images: 12 batches of 283 and one of 104; 3 of 1,166 and one of 2, too few to be divided.
TUNING = Finetuning(replace(RECIPE, epochs=3, schedule="constant", batch=283), (1, 3), False)


def of_all(images: int, batch: int, size: int) -> list[tuple[Part, ...]]:
    """The parts of every batch, by rank."""
    return list(zip(*(parts(images, batch, Alone(r, size)) for r in range(size)), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), SIZES)
def test_every_image_is_in_one_part_or_the_whole_batch_in_all(
    images: int, batch: int, size: int
) -> None:
    wholes = []
    for own in of_all(images, batch, size):
        [whole] = {part.whole for part in own}
        wholes.append(whole)
        seen = [index for part in own for index in range(whole)[part.slice]]
        weights = [part.weight for part in own]
        assert sum(weights) == pytest.approx(size)
        if whole >= 2 * size:
            assert seen == list(range(whole))
            assert min(part.stop - part.start for part in own) >= 2
        else:
            assert seen == list(range(whole)) * size
            assert set(weights) == {1.0}
    assert sum(wholes) == images
    assert all(whole == batch for whole in wholes[:-1])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), SIZES, st.integers(0, 1000))
def test_the_mean_of_the_weighted_gradients_is_that_of_the_batch(
    images: int, size: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer, inputs = nn.Linear(3, 4).double(), torch.randn(images, 3, dtype=torch.float64)
    labels = torch.randint(0, 4, (images,))

    def gradient(part: Part) -> Tensor:
        loss = classification_loss(layer(inputs[part.slice]), labels[part.slice], 0.1)
        return torch.autograd.grad(part.weight * loss, layer.weight)[0]

    [own] = of_all(images, images, size)
    mean = torch.stack([gradient(part) for part in own]).mean(dim=0)
    torch.testing.assert_close(mean, gradient(Part(0, images, images)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), SIZES)
def test_shares_are_contiguous_complete_and_even(count: int, size: int) -> None:
    shares = [range(count)[share(count, Alone(rank, size))] for rank in range(size)]
    assert [index for own in shares for index in own] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("size", [2, 3])
def test_processes_draw_what_a_single_one_draws(size: int) -> None:
    images = torch.randint(0, 256, (41, 1, 5, 5), generator=torch.Generator().manual_seed(0))
    split, recipe = Split(images.byte(), torch.arange(41)), replace(RECIPE, batch=12, flip=True)

    def epoch(rank: int, size: int) -> tuple[list[Split], Tensor]:
        order = torch.Generator().manual_seed(7)
        return list(batches(split, recipe, order, Alone(rank, size))), order.get_state()

    whole, state = epoch(0, 1)
    ranks = [epoch(rank, size) for rank in range(size)]
    assert all(torch.equal(own, state) for _, own in ranks)
    for number, batch in enumerate(whole):
        own = [epoch[number] for epoch, _ in ranks]
        if len(batch) == 12:
            assert torch.equal(torch.cat([part.images for part in own]), batch.images)
            assert torch.equal(torch.cat([part.labels for part in own]), batch.labels)
        elif len(batch) < 2 * size:
            assert all(torch.equal(part.images, batch.images) for part in own)


class Careless(nn.Sequential):
    """Batch norm has buffers of its own and dropout draws of its own in every process."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 4, 5, stride=3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()),
            *(nn.Dropout(0.3), nn.Linear(4 * 64, 10)),
        )


@dataclass(frozen=True)
class Tuned:
    """What one process has in the end."""

    points: list[dict[str, Any]]
    state: dict[str, Any]
    hits: list[bool]


def tune(bench: Bench, model: nn.Module, tuning: Finetuning, folder: Path, company: Any) -> Tuned:
    curve, snapshot = Curve(), Snapshot(folder / str(company.rank) / "x")
    finetune(model, tuning, bench, 0, curve, snapshot, company)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    return Tuned(curve.points, state, bench.evaluate(model, company).hits.tolist())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return open_bench(a_cell(), machine(tmp_path_factory.mktemp("processes")))


def fresh(build: Any) -> nn.Module:
    torch.manual_seed(3)
    return build()


def plain() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 10))


def files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def assert_same(one: Tuned, other: Tuned) -> None:
    assert one.points == other.points
    assert one.hits == other.hits
    for name, value in one.state.items():
        assert (value == other.state[name]).all(), name


@pytest.mark.parametrize("batch", [283, 1166])
def test_without_batch_norm_and_dropout_two_processes_do_what_one_does(
    bench: Bench, tmp_path: Path, batch: int
) -> None:
    tuning = replace(TUNING, recipe=replace(TUNING.recipe, batch=batch))
    alone = tune(bench, fresh(plain), tuning, tmp_path / "alone", Alone())
    first, second = in_two(
        tmp_path, lambda company: tune(bench, fresh(plain), tuning, tmp_path, company)
    )
    assert_same(first, second)
    for name, value in alone.state.items():
        torch.testing.assert_close(first.state[name], value, rtol=1e-3, atol=1e-5)


def test_an_evaluation_in_two_processes_has_the_bits_of_one(bench: Bench, tmp_path: Path) -> None:
    model = fresh(Careless).eval()
    expected = bench.evaluate(model)
    validated = bench.validate(model).record()

    def both(company: Company) -> tuple[Any, ...]:
        found = bench.evaluate(model, company)
        return found.logits.numpy(), found.record(), bench.validate(model, company).record()

    for logits, tested, validation in in_two(tmp_path, both):
        assert (logits == expected.logits.numpy()).all()
        assert (tested, validation) == (expected.record(), validated)


def test_killed_they_go_on_from_the_first_ones_file_to_the_same_bits(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    straight = in_two(
        tmp_path, lambda c: tune(bench, fresh(Careless), TUNING, tmp_path / "straight", c)
    )
    assert_same(*straight)
    assert files(tmp_path / "straight") == ["0/x"]  # the first process alone has written
    kill_two(tmp_path, lambda c: tune(bench, fresh(Careless), TUNING, tmp_path, c), monkeypatch)
    resumed = in_two(tmp_path, lambda c: tune(bench, fresh(Careless), TUNING, tmp_path, c))
    for before, after in zip(straight, resumed, strict=True):
        assert_same(before, after)


def perish(processes: Processes) -> None:
    if processes.rank > 0:
        raise MemoryError
    processes.gather(0)


def lead_or_help(company: Company) -> None:
    if company.rank > 0:
        ddp._help()
    with together(perish):
        perish(company)


def test_who_is_lost_ends_the_others(tmp_path: Path) -> None:
    first, second = in_two(tmp_path, lead_or_help)
    assert "ProcessesFailed: 2 processes failed together: " in first
    assert "MemoryError" in second


def test_a_lost_process_leaves_no_record_and_the_sweep_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose(*_: Any) -> None:
        raise ProcessesFailed("2 processes failed together: out of memory")

    here, cells = machine(tmp_path), [a_cell("l1"), a_cell("l1", finetuning=TUNING)]
    monkeypatch.setattr(measuring, "finetuned", lose)
    with pytest.raises(SystemExit) as end, short_errors():
        run_sweep(cells, here)
    assert end.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "run.py: 2 processes failed together: out of memory; mnist5k mlp l1 ratio=0.5 seed=0;"
        " 1 of 2 cells are done; the same command goes on where it stopped"
    )
    [record] = read_records(here.runs_dir)
    assert "finetuned" not in record


def test_processes_are_part_of_an_identity_where_there_are_several() -> None:
    alone = cell_settings(composed("finetune.epochs=1")).determinants()
    assert "processes" not in alone["finetune"]
    several = cell_settings(composed("finetune.epochs=1", "finetune.processes=2")).determinants()
    assert several == {**alone, "finetune": {**alone["finetune"], "processes": 2}}
    with pytest.raises(TropnncError, match=r"finetune\.processes = 0 is not accepted"):
        cell_settings(composed("finetune.epochs=1", "finetune.processes=0"))


def started(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": size, "RANK": 1}.items():
        monkeypatch.setenv(name, str(value))


def test_without_torchrun_other_programs_variables_mean_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    assert (rank_started(), size_started()) == (0, 1)
    started(monkeypatch, 2)
    assert (rank_started(), size_started()) == (1, 2)


def test_another_number_of_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two = a_cell(finetuning=replace(TUNING, processes=2))
    check_processes([a_cell(), a_cell(finetuning=TUNING)])
    with pytest.raises(TropnncError, match=r"= 2 is not accepted .* torchrun --nproc_per_node 2"):
        check_processes([two])
    started(monkeypatch, 2)
    check_processes([a_cell(), two])
    for cells in ([a_cell()], [a_cell(finetuning=TUNING), two]):
        with pytest.raises(TropnncError, match=r"= 1 is not accepted .* python run\.py"):
            check_processes(cells)
    with pytest.raises(TropnncError, match="hydra/launcher=serial is accepted"):
        check_processes([two], in_jobs=True)
