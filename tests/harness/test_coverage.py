"""docs/torchvision.md: what is counted, how reasons are grouped, what Torch-Pruning makes of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from experiments.coverage.models import classifiers
from experiments.coverage.oracle import NETWORKS, Compared, compare
from experiments.coverage.page import EXPLANATIONS, page
from experiments.coverage.reach import Reach, kind_of, within
from tests.networks import ZOO, build, images
from tropnnc import TropnncError, compress
from tropnnc.graph import discover

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
    text = page(reaches, {"net": [known, Compared("c", "", (), 0.0)]})
    assert "| net | 10 | 1 | 50.0% | 25.0% | 2 feeds an addition |" in text
    assert "| net | 2 | 1 | 0.0e+00 | 1 |" in text
    assert (
        f"| net | feeds an addition | 1 | 1 to 1 layers | {EXPLANATIONS['feeds an addition']} |"
        in text
    )
    with pytest.raises(TropnncError, match="net: no explanation of a layer that 'is a dwarf'"):
        page(reaches, {"net": [Compared("a", "is a dwarf", ())]})


def test_the_committed_page_has_every_classifier_and_every_oracle() -> None:
    models = {line.split(" | ")[0].strip("| ") for line in PAGE.read_text().splitlines()}
    assert models >= {*classifiers(), *NETWORKS}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_torch_pruning_agrees_on_every_unit(name: str) -> None:
    layers = compare(name)
    units = [layer for layer in layers if not layer.ours]
    assert units
    assert all(layer.gap is not None and layer.gap <= 1e-4 for layer in units)
    others = [layer for layer in layers if layer.ours]
    assert all(kind_of(layer.ours) in EXPLANATIONS for layer in others)
