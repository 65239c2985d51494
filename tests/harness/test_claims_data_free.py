"""No data needed: weights alone decide, and reading an image is an error."""

from typing import NoReturn

import pytest
import torch
from torch import Tensor, nn

from experiments import bench as bench_module
from experiments.bench import open_bench
from experiments.cell import run_cell
from tests.harness.cells import a_cell, machine
from tropnnc import Tier, compress, make_method, method_names

NETWORK = nn.Sequential(
    nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 12), nn.ReLU(), nn.Linear(12, 3)
)
DATA_FREE = ("tropnnc", "tropnnc_iterative")


class Images(Tensor):
    """Calibration images that nobody may look at."""

    @classmethod
    def __torch_function__(cls, func: object, *_: object, **__: object) -> NoReturn:
        raise AssertionError(f"an image was read: {func}")


def forbidden() -> Images:
    return torch.zeros(8, 1, 8, 8).as_subclass(Images)


@pytest.mark.parametrize("method", DATA_FREE)
def test_tropnnc_reads_no_image(method: str) -> None:
    assert make_method(method).needs is Tier.WEIGHTS
    small, report = compress(NETWORK, torch.zeros(1, 1, 8, 8), method, 0.5, calibration=forbidden())
    assert report.widths == {"0": 3, "3": 6}
    assert small(torch.zeros(1, 1, 8, 8)).shape == (1, 3)


def test_the_images_do_object() -> None:
    # Otherwise the test above would pass for a method that reads them.
    for method in method_names():
        if make_method(method).needs >= Tier.IMAGES:
            with pytest.raises(AssertionError, match="an image was read"):
                compress(NETWORK, torch.zeros(1, 1, 8, 8), method, 0.5, calibration=forbidden())


@pytest.mark.parametrize("method", DATA_FREE)
def test_the_harness_hands_it_none(
    method: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loader(*_: object) -> NoReturn:
        raise AssertionError("calibration images were drawn")

    here = machine(tmp_path_factory.mktemp("cells"))
    open_bench(a_cell(), here)
    monkeypatch.setattr(bench_module.Bench, "calibration", loader)
    assert run_cell(a_cell(method), here).status == "done"
    outcome = run_cell(a_cell("thinet"), here)
    assert outcome.status == "failed"
    assert "calibration images were drawn" in outcome.message
