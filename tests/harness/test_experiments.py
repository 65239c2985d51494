"""Every experiment composes, cell by cell, into settings that the harness accepts."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.claims.claim import Claim
from experiments.claims.reading import read_claims
from experiments.compose import Job, compose_jobs, expand
from experiments.parsing import cell_settings
from experiments.report.options import with_options
from experiments.settings import CellSettings
from tests.harness.cells import ROOT

METHODS, RATIOS, SCOPES, DATASETS = 9, 5, 2, 2
CELLS = {
    "quick": 2 * 3 * 8 * RATIOS,
    "mnist_lenet300100": DATASETS * 10 * METHODS * RATIOS,
    "mnist_lenet5": DATASETS * 5 * SCOPES * METHODS * RATIOS,
    "mnist_smyrnis": 3 * SCOPES * METHODS * RATIOS,
    "mnist_smyrnis_fashion": 3 * SCOPES * METHODS * RATIOS,
    "mnist_published_lenet300100": METHODS * RATIOS,
    "mnist_published_lenet5": METHODS * RATIOS,
    "mnist_published_mlp": METHODS * RATIOS,
    "mnist_published_fashion": METHODS * RATIOS,
    "mnist_finetune": 3 * (5 + 5),
    "mnist_lenet300100_quick": DATASETS * METHODS * 2,
    "mnist_lenet5_quick": DATASETS * SCOPES * METHODS * 2,
    "mnist_finetune_quick": 5 + 5,
    # Seven methods draw, four do not; the eighth is one of the seven with widths of its own.
    "cifar10_resnet20": (7 * 3 + 4 + 3) * 4,
    "cifar10_resnet56": (11 + 1) * 4,
    "cifar10_resnet20_trained": (11 + 1) * 4,
    "cifar10_vgg": 3 * (11 + 1 + 11) * 4 + 2 * (7 + 1 + 7) * 4,
    "cifar10_alexnet": SCOPES * (11 + 1) * 4,
    "cifar100_vgg": (11 + 1 + 11) * 4,
    "cifar10_vgg_finetune": 2 * (5 + 5),
    "imagenet_subset_squeezenet": 8 * RATIOS,
    "imagenet_subset_lite0": 7 * RATIOS,
    "imagenet_subset_squeezenet_quick": 3 * 2,
    # 17 methods that see weights, 8 statistics, 7 images; GRAIL behind TropNNC besides.
    "frontier_screening": 2 * 33 * 2,
    "frontier_vgg": 3 * 33 * 3,
    "frontier_constants": 2 * 2 * (2 * (3 + 2 + 1) + 2 + 3 + 3 + 2),
    "frontier_vgg100": 33 * 3 + 17 * 2 * 2,
    "frontier_resnet20_trained": 33 * 3 + 17 * 2 * 2,
    "frontier_alexnet": 33 * 3,
    "frontier_mnist": 2 * 2 * 3 * 33 * 3,
    "frontier_mnist_published": 32 * 3,
    "frontier_resnet20": 14 * 3,
    "frontier_resnet56": 14 * 3,
    "frontier_squeezenet": 25 * 3,
    "frontier_lite0": 20 * 3,
    # Front ends × (compensations × repairs without images, and with either kind), then the rest.
    "frontier_attribution": 2 * 2 * (3 * (3 * 3 + 2 * 4 * 3) + 3 * 2 + 3 + 5 + 2 + 4),
    "frontier_data": 2 * 2 * (3 * 4 + 2 * 5 + 2),
    "frontier_seconds": 2 * 2 * (4 + 4),
    "frontier_finetune": (3 + 2) * 4,
    # Of two networks: of four scores 20 samples in two ways and one that draws nothing; random: 20.
    "relatives_coresets": 2 * 2 * (20 + 4 * (2 * 20 + 1)),
    "relatives_coresets_quick": 2 * (4 + 4 * (2 * 4 + 1)),
    "relatives_communication": 3 + 3 * 2 + 2 + 2 + 1,
    "relatives_communication_quick": 2 + 2,
    "paper_imagenet_linear_conv": 2 * SCOPES * 8 * 6,
    "paper_imagenet_resnet": 2 * 8 * 6,
    "paper_imagenet_cup": 3 * 3 * 5,
    "paper_imagenet_thinet_vgg16": 2 * 4,
    "paper_imagenet_thinet_resnet50": 2 * 4 * 3,
}

DATA = ("mnist5k", "mnist", "fashion_mnist")
# Of those for 28 × 28 pixels and ten classes; the others are tested where their data sets are.
ARCHITECTURES = ("lenet300100", "lenet5", "lenet5_caffe", "mlp", "smyrnis_conv")
EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))
FRONTIER = [name for name in EXPERIMENTS if name.startswith("frontier")]
# Nearly every method, or many samples: composing all of their cells takes minutes.
SOME = [*FRONTIER, "relatives_coresets", "relatives_coresets_quick"]


@pytest.fixture(scope="module")
def loader() -> Iterator[ConfigLoader]:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield hydra.config_loader


def grid(experiment: str, loader: ConfigLoader, *arguments: str) -> tuple[DictConfig, list[Job]]:
    chosen = f"experiment={experiment}"
    master = loader.load_configuration("config", [chosen], RunMode.MULTIRUN)
    sweeper = master.hydra.sweeper
    return master, expand(sweeper.params, [chosen, *arguments], loader, sweeper.grids)


def settings_of(
    jobs: Sequence[Job], master: DictConfig, loader: ConfigLoader
) -> list[CellSettings]:
    return [cell_settings(resolved(config)) for config in compose_jobs(jobs, master, loader)]


def resolved(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def cells(experiment: str, loader: ConfigLoader) -> list[CellSettings]:
    """One cell for every choice of groups: seed, ratio and scope are plain values."""
    master, jobs = grid(experiment, loader, "seed=0", "ratio=0.5", "scope=all")
    return settings_of(jobs, master, loader)


def a_cell(experiment: str, loader: ConfigLoader) -> CellSettings:
    """The first cell, where all have what is looked at."""
    master, jobs = grid(experiment, loader)
    return settings_of(jobs[:1], master, loader)[0]


@pytest.mark.parametrize("experiment", [e for e in EXPERIMENTS if e not in SOME])
def test_every_experiment_composes_into_different_cells(
    experiment: str, loader: ConfigLoader
) -> None:
    settings = cells(experiment, loader)
    scratch = [c for c in settings if c.finetuning is not None and c.finetuning.from_scratch]
    # Whatever the method was, training from scratch is the same cell.
    assert len(set(scratch)) == min(1, len(scratch))
    assert len(set(settings)) == len(settings) - max(0, len(scratch) - 1) > 0


@pytest.mark.parametrize("experiment", SOME)
def test_some_cells_of_every_large_experiment(experiment: str, loader: ConfigLoader) -> None:
    master, jobs = grid(experiment, loader)
    some = settings_of(jobs[:: -(-len(jobs) // 4)], master, loader)
    assert len(set(some)) == len(some) >= 2


@pytest.mark.parametrize("experiment", CELLS)
def test_number_of_cells(experiment: str, loader: ConfigLoader) -> None:
    jobs = grid(experiment, loader)[1]
    assert len(set(jobs)) == len(jobs) == CELLS[experiment]


def test_an_experiment_that_extends_another_keeps_the_rest_of_its_grid(
    loader: ConfigLoader,
) -> None:
    [arch] = {cell.arch for cell in cells("mnist_smyrnis_fashion", loader)}
    assert dict(arch.options) == {"channels": 32, "hidden": 1000}


def test_every_network_has_a_recipe_on_every_data_set(loader: ConfigLoader) -> None:
    master = loader.load_configuration("config", [], RunMode.MULTIRUN)
    choices = [f"dataset={','.join(DATA)}", f"arch={','.join(ARCHITECTURES)}"]
    recipes = {
        (cell.dataset.name, cell.arch.name): cell.train
        for cell in settings_of(expand({}, choices, loader), master, loader)
    }
    assert len(recipes) == len(DATA) * len(ARCHITECTURES)
    assert recipes["mnist5k", "lenet5"] != recipes["mnist", "lenet5"]


CIFAR = tuple(name for name in CELLS if name.startswith("cifar"))


@pytest.mark.parametrize("experiment", [name for name in CIFAR if "finetune" not in name])
def test_cifar_is_re_calibrated_at_two_ratios_wherever_it_has_batch_norm(
    experiment: str, loader: ConfigLoader
) -> None:
    master, jobs = grid(experiment, loader)
    own = [job for job in jobs if "method=l1" in job]
    for cell in settings_of(own, master, loader):
        wanted = cell.arch.name != "cifar_alexnet" and cell.scope == "conv"
        wanted = wanted and cell.ratio in (0.5, 0.25)
        assert cell.recalibration_images == (1024 if wanted else 0)
        assert cell.calibration_images == 1024
        assert cell.test_images == 0


@pytest.mark.parametrize("experiment", CIFAR)
def test_quick_cifar_looks_at_fewer_images_and_at_no_other_network(
    experiment: str, loader: ConfigLoader
) -> None:
    quick, full = a_cell(f"{experiment}_quick", loader), a_cell(experiment, loader)
    assert quick.test_images == 2000
    assert quick.arch == full.arch


@pytest.mark.parametrize(
    "experiment", ["frontier_screening", "frontier_constants", "frontier_attribution"]
)
def test_constants_are_chosen_on_validation_images_of_networks_trained_here(
    experiment: str, loader: ConfigLoader
) -> None:
    chosen = a_cell(experiment, loader)
    assert chosen.test_split == "validation"
    archs = {line for job in grid(experiment, loader)[1] for line in job if "arch=" in line}
    assert archs == {"arch=cifar_vgg", "arch=resnet20"}


@pytest.mark.parametrize("name", [e for e in FRONTIER if e.endswith("quick")])
def test_quick_ones_read_no_test_image_of_networks_trained_here(
    name: str, loader: ConfigLoader
) -> None:
    cell = a_cell(name, loader)
    assert bool(cell.arch.checkpoint) == (cell.test_split == "test")


def test_nothing_else_of_the_frontier_is_evaluated_on_them(loader: ConfigLoader) -> None:
    others = {name for name in FRONTIER if not name.endswith("quick")}
    others -= {"frontier_screening", "frontier_constants", "frontier_attribution"}
    firsts = [a_cell(experiment, loader) for experiment in sorted(others)]
    assert all((cell.test_split, cell.test_images) == ("test", 0) for cell in firsts)


def test_finetuning_takes_equal_steps(loader: ConfigLoader) -> None:
    master, jobs = grid("frontier_finetune", loader)
    steps = set()
    for cell in settings_of(jobs, master, loader):
        tuning = cell.finetuning
        assert tuning is not None
        images = 45_000 if tuning.distillation is None else tuning.distillation.count
        steps.add(tuning.recipe.epochs * -(-images // tuning.recipe.batch))
        assert bool(tuning.rates) == (tuning.distillation is None)
    assert steps == {360}


@pytest.mark.parametrize("prefix", ["cifar", "frontier"])
def test_claims_name_networks_that_their_experiments_have(
    prefix: str, loader: ConfigLoader
) -> None:
    claims = [c for c in read_claims(ROOT / "conf" / "claims.yaml") if c.id.startswith(prefix)]
    assert claims
    networks = {n for c in claims if isinstance(c, Claim) for n in c.networks}
    for experiment, arch in {(e, n.arch) for n in networks for e in n.experiments}:
        own = a_cell(experiment, loader).arch
        assert with_options(own.name, dict(own.options)) == arch


def test_published_networks_are_optional_and_checked(loader: ConfigLoader) -> None:
    published = [
        cell for name in EXPERIMENTS if name.startswith("mnist_pub") for cell in cells(name, loader)
    ]
    assert published
    assert all(cell.arch.optional and cell.arch.sha256 for cell in published)
    assert all((cell.arch.checkpoint or "").endswith(".pt") for cell in published)
