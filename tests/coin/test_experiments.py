"""The data track: grids, cells, records, shared networks."""

from dataclasses import replace
from pathlib import Path

import pytest

from baselines.coin import MetaTrainer
from experiments import resuming
from experiments.coded_images import cells, classifiers, nets
from experiments.coded_images.cells import identity_parts, runs_dir
from experiments.coded_images.grids import _coin, experiments, read_experiment
from experiments.coded_images.nets import coin_net, net_identity
from experiments.console import CellsFailed
from experiments.data import load_dataset
from experiments.identity import digest
from experiments.record import record_path
from experiments.settings import Machine
from tests.coin.cells import CELLS, COIN, a_coding, swept
from tests.harness.cells import CELL, machine
from tropnnc import TropnncError

pytestmark = pytest.mark.usefixtures("small_network")
SIZES = {"coded_mnist": 29_377, "coded_cifar10": 45_891, "coded_full": 3_878_403}


def test_every_experiment_is_a_grid_of_cells() -> None:
    for name in experiments():
        found, _ = read_experiment(name)
        assert len({digest(cell.determinants()) for cell in found}) == len(found) > 0
        assert sum(cell.coding.codec == "original" for cell in found) == 1
        assert any(cell.coding.codec == "coin" for cell in found)
        shapes = {cell.coin.shape.parameters for cell in found if cell.coin is not None}
        if name in SIZES:
            assert shapes == {SIZES[name]}
    with pytest.raises(TropnncError, match="coded_cifar10"):
        read_experiment("coded")
    with pytest.raises(TropnncError, match="results_dir"):
        read_experiment("coded_mnist", ["images=5"])


def test_identities_of_cells_do_not_move() -> None:
    """Golden: another value orphans every record of an earlier version."""
    assert digest(CELLS[1].determinants())[:12] == "ab12ffb4a7e3"
    assert digest(CELLS[-1].determinants())[:12] == "f616d6bf741b"


def test_bad_cells() -> None:
    with pytest.raises(TropnncError, match="its knobs are quality"):
        a_coding("jpeg", rate=3)
    with pytest.raises(TropnncError, match="unknown codec 'png'"):
        a_coding("png")
    with pytest.raises(TropnncError, match="quality = nan is not accepted; a number"):
        a_coding("jpeg", quality=float("nan"))
    with pytest.raises(TropnncError, match="1 to 16"):
        a_coding("coin", bits=0, steps=3)


def test_more_images_than_there_are_and_odd_patches(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match=r"images = 100000 is not accepted; mnist5k has [\d,]+$"):
        cells.run_cell(
            replace(a_coding("jpeg", quality=20), images=100_000), True, machine(tmp_path)
        )
    for patch in ([16], ["a", 16], [0, 16]):
        with pytest.raises(TropnncError, match=r"coin\.patch"):
            _coin({"patch": patch, "shape": vars(COIN.shape), "training": {"steps": 1}, "seed": 0})


def test_a_damaged_record_is_measured_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, cell = machine(tmp_path), a_coding("jpeg", quality=20)
    first = cells.run_cell(cell, True, place).record
    assert first is not None
    path = record_path(runs_dir(place), first["identity"])
    path.write_bytes(path.read_bytes()[:200])
    again = cells.run_cell(cell, True, place)
    assert again.computed
    assert again.record is not None
    assert {**again.record, "timing": 0, "checksum": 0} == {**first, "timing": 0, "checksum": 0}
    assert "damaged" in capsys.readouterr().out
    assert [each.name for each in (runs_dir(place) / "damaged").iterdir()] == [f"{path.name}.1"]


def test_a_damaged_shared_network_is_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, dataset = machine(tmp_path), load_dataset("mnist5k", tmp_path)
    first = coin_net(COIN, dataset, place)
    [path] = (runs_dir(place) / "nets").glob("*.pt")
    path.write_bytes(path.read_bytes()[:-1])
    assert coin_net(COIN, dataset, place).stored == first.stored
    assert "trained again" in capsys.readouterr().out
    assert coin_net(replace(COIN, seed=1), dataset, place).stored != first.stored


def test_a_killed_training_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("mnist5k", tmp_path)
    monkeypatch.setattr(nets, "EPOCH", 2)
    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    whole = coin_net(COIN, dataset, machine(tmp_path / "whole"))
    step, seen = MetaTrainer.step, []

    def killed(trainer: MetaTrainer, number: int) -> float:
        seen.append(number)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return step(trainer, number)

    monkeypatch.setattr(MetaTrainer, "step", killed)
    place = machine(tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        coin_net(COIN, dataset, place)
    assert coin_net(COIN, dataset, place).stored == whole.stored
    assert seen == [0, 1, 2, 3, 2, 3, 4, 5]
    assert not list((runs_dir(place) / "nets").glob("*.part"))


def test_what_determines_a_cell(tmp_path: Path) -> None:
    place, dataset = machine(tmp_path), load_dataset("mnist5k", tmp_path)
    coin, jpeg = CELLS[-1], CELLS[1]
    assert identity_parts(coin, dataset, place)["versions"].keys() == {"experiment", "coin"}
    parts = identity_parts(jpeg, dataset, place)
    assert parts["classifiers"]["methods"].keys() == {"l1"}
    assert parts["classifiers"]["networks"]["mlp"]["seen"]["mean"] == list(CELL.dataset.mean)
    elsewhere = Machine(tmp_path, tmp_path / "other", "auto")
    assert digest(identity_parts(jpeg, dataset, elsewhere)) == digest(parts)
    longer = replace(COIN, training=replace(COIN.training, steps=7))
    assert net_identity(longer, dataset) != net_identity(COIN, dataset)


def test_patches_are_coded_one_by_one(tmp_path: Path) -> None:
    place = machine(tmp_path)
    settings = replace(COIN, patch=(16, 16))
    cell = replace(a_coding("coin", bits=5, steps=3), coin=settings)
    found = cells.run_cell(cell, True, place).record
    assert found is not None
    assert found["status"] == "done"
    [data] = [found["payload_bytes"]]
    # Four patches of six latents each.
    assert data * 8 <= 1.001 * found["facts"]["ideal_bits"] + 64
    assert 30 * 4 * 6 * 1 < found["facts"]["ideal_bits"] < 30 * 4 * 6 * 6


def test_weights_that_are_not_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = replace(CELL.arch, checkpoint=str(tmp_path / "none.pt"), optional=True)
    monkeypatch.setattr(classifiers, "_settings", lambda _: replace(CELL, arch=arch))
    swept(CELLS[:2], machine(tmp_path))
    out = capsys.readouterr().out
    assert "skipped" in out
    assert "0 cells, 0 computed, 0 failed" in out


def test_a_failure_is_named_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> dict:
        raise RuntimeError("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(cells, "measure_cell", fails)
        with pytest.raises(CellsFailed):
            swept(CELLS[1:2], machine(tmp_path))
    assert "failed: mnist5k jpeg image quality=5" in capsys.readouterr().out
    swept(CELLS[1:2], machine(tmp_path))
    assert "1 cells, 1 computed, 0 failed" in capsys.readouterr().out
