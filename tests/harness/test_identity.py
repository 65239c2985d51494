"""Identities: pinned, blind to where a cell runs, and sensitive to all that determines it."""

import pytest
import torch

from experiments.identity import digest, identity_parts, weights_hash
from experiments.parsing import cell_settings
from tests.harness.cells import CELL, composed

VERSIONS = {"method": 1, "allocator": 1, "library": 1}


def identity(*overrides: str) -> str:
    determinants = cell_settings(composed(*overrides)).determinants()
    return digest(identity_parts(determinants, "weights", "data", VERSIONS))


def test_golden_identity_of_a_cell() -> None:
    parts = identity_parts(CELL.determinants(), "weights", "data", VERSIONS)
    assert digest(parts) == "71a4c1cec28c4df6e5a88f426211800d5288b6e15f9e6adf4df7256eb6d27d89"


def test_golden_identity_of_the_default_configuration() -> None:
    # A change here orphans every run on every disk: only on purpose.
    assert identity() == "74cf149a13c96acc4c1a074ebc77d3d54a78a721ef371be843eccdac9a32124d"


@pytest.mark.parametrize(
    "override",
    [
        "data_dir=/elsewhere",
        "results_dir=/elsewhere",
        "device=cpu",
        "hydra/launcher=basic",
        "hydra.run.dir=/elsewhere",
        "ratio=5e-1",
    ],
)
def test_identity_ignores(override: str) -> None:
    assert identity(override) == identity()


@pytest.mark.parametrize(
    "override",
    [
        "ratio=0.25",
        "seed=1",
        "scope=linear",
        "scope=[ip1]",
        "order=original",
        "method=l1",
        "method.options.n_init=3",
        "dataset=mnist",
        "dataset.mean=[0]",
        "arch=lenet5",
        "train.epochs=1",
        "calibration.images=512",
    ],
)
def test_identity_depends_on(override: str) -> None:
    assert identity(override) != identity()


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint": "other weights"},
        {"data": "other data"},
        {"versions": {**VERSIONS, "method": 2}},
        {"versions": {**VERSIONS, "allocator": 2}},
        {"versions": {**VERSIONS, "library": 2}},
        {"schema": 0},
    ],
)
def test_identity_depends_on_weights_data_and_versions(change: dict[str, object]) -> None:
    parts = identity_parts(CELL.determinants(), "weights", "data", VERSIONS)
    assert digest({**parts, **change}) != digest(parts)


def test_published_weights_are_identified_by_content_not_by_path_or_recipe() -> None:
    here = identity("arch.checkpoint=/a/file.pt", "train.epochs=3")
    assert here == identity("arch.checkpoint=/another/file.pt", "arch.sha256=abc")
    assert here != identity()


def test_weights_hash_sees_names_shapes_and_values_only() -> None:
    state = {"a": torch.ones(2, 3), "b": torch.zeros(1)}
    same = {"b": torch.zeros(1), "a": torch.ones(2, 3).double()}
    counted = {**state, "bn.num_batches_tracked": torch.tensor(7)}
    assert weights_hash(state) == weights_hash(same) == weights_hash(counted)
    for other in (
        {"a": torch.ones(3, 2), "b": torch.zeros(1)},
        {"c": torch.ones(2, 3), "b": torch.zeros(1)},
        {"a": torch.ones(2, 3), "b": torch.full((1,), 1e-7)},
    ):
        assert weights_hash(other) != weights_hash(state)
