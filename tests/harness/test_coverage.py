"""docs/torchvision.md: what is counted, how reasons are grouped, what Torch-Pruning makes of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.coverage import oracle
from experiments.coverage.models import classifiers
from experiments.coverage.oracle import NETWORKS, Compared, compare, compare_on
from experiments.coverage.page import EXPLANATIONS, page
from experiments.coverage.reach import Reach, kind_of, reach, within
from tests.networks import ZOO, build, images
from tropnnc import Reduction, TropnncError, Unit, compress
from tropnnc.graph import discover
from tropnnc.reduction import select
from tropnnc.unit import IntArray

PAGE = Path(__file__).parents[2] / "docs" / "torchvision.md"


@pytest.mark.parametrize("network", list(ZOO))
def test_within_reach_is_what_a_unit_has_a_row_or_a_column_in(network: str) -> None:
    """Parameters marked one by one in the network itself."""
    model, structure = build(network), discover(build(network), images(network))
    marked = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for site in structure.sites:
        rows = [site.producer, site.batch_norm]
        rows += [name for place in site.depthwise for name in (place.name, place.batch_norm)]
        for name, mask in marked.items():
            if name.rpartition(".")[0] in rows:
                mask.fill_(1)
        for link in site.links:
            columns = slice(link.start, link.start + site.neurons * link.block)
            marked[f"{link.consumer}.weight"][:, columns] = 1
    assert within(structure, "parameters") == sum(int(mask.sum()) for mask in marked.values())


@pytest.mark.parametrize("network", ["mlp", "inverted"])
def test_multiply_adds_within_reach_are_at_least_those_saved(network: str) -> None:
    model, example = build(network), images(network, 2)
    _, report = compress(model, example, "l1", 0.01)
    reached = within(discover(model, example), "macs")
    assert report.before.macs - report.after.macs < reached <= report.before.macs


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("feeds an addition (add_12)", "feeds an addition"),
        ("is a grouped convolution (32 groups)", "is a grouped convolution"),
        (
            "feeds layer1.0.conv2, which is a grouped convolution (32 groups)",
            "feeds a layer, which is a grouped convolution",
        ),
        (
            "feeds block3-0.f.b.0, which is a grouped convolution (2 groups)",
            "feeds a layer, which is a grouped convolution",
        ),
        (
            "feeds Sigmoid block3-0.f.se.scale_activation, which is not supported",
            "feeds Sigmoid, which is not supported",
        ),
        ("no ReLU between it and block1-0.proj", "no ReLU between it and the next layer"),
        (
            "feeds GELU features.1.block.4, which is not supported",
            "feeds GELU, which is not supported",
        ),
        (
            "feeds the function mul, which is not supported",
            "feeds the function mul, which is not supported",
        ),
        (
            "feeds view_3, a reshape other than flatten(1)",
            "feeds view, a reshape other than flatten(1)",
        ),
        ("no ReLU between it and features.2.conv.0.0", "no ReLU between it and the next layer"),
        (
            "not every path from it passes the same depthwise a.0, b.1",
            "not every path from it passes the same depthwise convolutions",
        ),
        (
            "feeds a batch norm that does not directly follow it (BatchNorm2d norm5)",
            "feeds a batch norm that does not directly follow it",
        ),
    ],
)
def test_reasons_are_grouped_without_their_names(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


def test_a_difference_without_an_explanation_is_refused() -> None:
    reaches = [Reach("net", 10, 1, 0.5, 0.25, Counter({"feeds an addition": 2}))]
    known = Compared("a", "feeds an addition (add)", ("b",))
    both = [Compared("c", "", (), 0.0, 0.5), Compared("d", "", (), 2e-9, 0.25)]
    text = page(reaches, {"net": [known, *both]})
    assert "| net | 10 | 1 | 50.0% | 25.0% | 2 feeds an addition |" in text
    assert "| net | 3 | 2 | 2.0e-09 | 2.5e-01 | 1 |" in text
    assert (
        f"| net | feeds an addition | 1 | 1 to 1 layers | {EXPLANATIONS['feeds an addition']} |"
        in text
    )
    with pytest.raises(TropnncError, match="net: no explanation of a layer that 'is a dwarf'"):
        page(reaches, {"net": [Compared("a", "is a dwarf", ())]})


def test_the_committed_page_has_every_classifier_and_every_oracle() -> None:
    text = PAGE.read_text()
    models = {line.split(" | ")[0].strip("| ") for line in text.splitlines()}
    assert models >= {*classifiers(), *NETWORKS}
    # Module paths have dots: none is left in what the reasons were grouped to.
    reasons = re.findall(r"\b\d+ ([^;|]+)", text.partition("## The same filters")[0])
    assert [each for each in reasons if re.search(r"\w\.\w", each)] == []


def _compare_on(network: str) -> list[Compared]:
    return compare_on(build(network).double(), images(network, 2).double())


# A slice of the stem is concatenated with this unit: Torch-Pruning takes it for the whole stem.
COUPLED = {"shuffle": {"branch.5": ("stem",)}}


@pytest.mark.parametrize("network", [name for name in ZOO if name != "binary"])
def test_torch_pruning_agrees_on_the_zoo(network: str) -> None:
    layers = _compare_on(network)
    units = [layer for layer in layers if not layer.ours]
    assert {layer.layer for layer in units} == set(ZOO[network].units)
    coupled = {layer.layer: layer.coupled for layer in units if layer.coupled}
    assert coupled == COUPLED.get(network, {})
    _check_agreement([layer for layer in units if not layer.coupled])


def test_a_fault_in_one_unit_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours keeps the complement in the last unit alone."""

    def faulty(unit: Unit, kept: IntArray) -> Reduction:
        if unit.name != "wide":
            return select(unit, kept)
        others = np.setdiff1d(np.arange(unit.neurons), kept)
        return select(unit, np.sort([*others, kept[0]])[: len(kept)])

    monkeypatch.setattr(oracle, "select", faulty)
    *right, wrong = [layer.gap for layer in _compare_on("shuffle") if layer.gap is not None]
    assert max(right) < 1e-9
    assert wrong > 1e-2


@pytest.mark.parametrize("name", ["alexnet", "mobilenet_v2", "regnet_y_400mf"])
def test_the_committed_page_is_what_the_code_writes(name: str) -> None:
    """But for the networks that take longer and what Torch-Pruning does."""
    assert set(page([reach(name)], {}).splitlines()) <= set(PAGE.read_text().splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_torch_pruning_agrees_on_every_unit(name: str) -> None:
    layers = compare(name)
    _check_agreement([layer for layer in layers if not layer.ours])
    others = [layer for layer in layers if layer.ours]
    assert all(kind_of(layer.ours) in EXPLANATIONS for layer in others)


def _check_agreement(units: list[Compared]) -> None:
    """The outputs are equal to the rounding of float64 after each cut, and each has moved them."""
    assert units
    for layer in units:
        assert layer.gap is not None
        assert layer.change is not None
        assert layer.gap <= 1e-9
        assert layer.change > 1e-4
