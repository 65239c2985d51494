"""Bound against truth: the errors are those of the formula, and no bound is ever below them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from experiments.cell import run_cell
from experiments.geometry.distances import distances, sampled_outputs
from experiments.geometry.recording import Recording
from experiments.geometry.rows import NETWORK, bound_rows
from experiments.geometry.section import geometry_section
from experiments.geometry.units import input_norms, measure_unit
from experiments.manifest import write_manifest
from experiments.parsing import cell_settings
from experiments.settings import CellSettings
from tests.harness.cells import a_cell, composed, machine
from tests.networks import build, images
from tropnnc import TropnncError, compress, make_method
from tropnnc.graph import discover
from tropnnc.reduction import select
from tropnnc.surgery import read_unit

METHODS = ("random", "l1", "misiakos", "tropnnc", "tropnnc_iterative", "tropnnc_spherical", "cup")


def a_geometry_cell(method: str = "tropnnc", **changes: Any) -> CellSettings:
    return a_cell(method, **{"ratio": 0.25, "order": "original", "geometry_images": 50, **changes})


@pytest.mark.parametrize(
    ("name", "method"),
    [*(("mlp", m) for m in METHODS), ("lenet5", "misiakos"), ("lenet5", "tropnnc"), ("vgg", "l1")],
)
def test_no_error_is_above_its_bound(name: str, method: str) -> None:
    model, batch = build(name), images(name, count=16)
    listener = Recording(make_method(method))
    small, report = compress(model, batch[:1], listener, ratio=0.4, order="original", seed=3)
    section = geometry_section(model, small, report, listener.answers, batch)
    assert section["network"]["largest_l2"] <= section["network"]["bound"]
    sites = {site.producer: site for site in discover(model, batch[:1]).sites}
    assert [unit["unit"] for unit in section["units"]] == list(sites)
    for unit in section["units"]:
        assert 0 < unit["mean_l2"] <= unit["largest_l2"] <= unit["bound"]
        assert unit["mean_l1"] <= unit["largest_l1"]
        pooled = any(stage.kind == "max_pool" for stage in sites[unit["unit"]].between)
        assert (unit["b1_lower"] is None) == (unit["b1_upper"] is None) == pooled
        if not pooled:
            assert unit["largest_l1"] <= unit["b1_upper"]
            assert unit["b1_lower"] <= unit["b1_upper"]


def test_errors_and_radius_by_hand() -> None:
    model, batch = build("mlp"), images("mlp", count=40)
    site = discover(model, batch[:1]).sites[0]
    unit = read_unit(model, site)
    reduction = make_method("tropnnc").reduce(
        make_method("tropnnc").prepare(unit, np.random.default_rng(0)), 5
    )
    found = measure_unit(model, unit.name, reduction, batch)
    x = batch.flatten(1).double().numpy()
    u = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    assert reduction.mix is not None
    gap = np.maximum(u @ unit.incoming.T, 0) - np.maximum(u @ reduction.incoming.T, 0) @ (
        reduction.mix.T
    )
    error = gap @ unit.consumers[0].outgoing[:, :, 0].T
    assert found.radius == pytest.approx(np.linalg.norm(x, axis=1).max())
    assert found.largest_l2 == pytest.approx(np.linalg.norm(error, axis=1).max(), rel=1e-5)
    assert found.mean_l2 == pytest.approx(np.linalg.norm(error, axis=1).mean(), rel=1e-5)
    assert found.outputs == error.shape[1] == 9
    assert found.largest_l1 == pytest.approx(np.abs(error).sum(axis=1).max(), rel=1e-5)


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_nothing_removed_nothing_lost(name: str) -> None:
    model, batch = build(name), images(name)
    for site in discover(model, batch[:1]).sites:
        unit = read_unit(model, site)
        found = measure_unit(model, unit.name, select(unit, np.arange(unit.neurons)), batch)
        assert found.largest_l2 < 1e-5
        assert found.bound == pytest.approx(0, abs=1e-6)
        assert found.b1_upper in (None, 0.0)


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    seed=st.integers(0, 2**16),
)
def test_norms_of_patches(
    kernel: tuple[int, int], stride: int, padding: int, dilation: int, seed: int
) -> None:
    module = nn.Conv2d(2, 3, kernel, stride, padding, dilation)
    batch = torch.randn(2, 2, 7, 6, generator=torch.Generator().manual_seed(seed))
    patches = F.unfold(batch.double(), kernel, dilation, padding, stride)
    expected = torch.linalg.vector_norm(patches, dim=1)
    torch.testing.assert_close(input_norms(batch, module).flatten(1), expected)


def test_what_has_no_bound_is_refused() -> None:
    with pytest.raises(TropnncError, match="zero padding"):
        input_norms(torch.ones(1, 2, 5, 5), nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"))
    model, batch = build("branches"), images("branches")
    site = next(site for site in discover(model, batch[:1]).sites if len(site.links) > 1)
    unit = read_unit(model, site)
    with pytest.raises(TropnncError, match="several consumers"):
        measure_unit(model, unit.name, select(unit, np.arange(3)), batch)


def test_a_sum_over_some_outputs_is_part_of_the_sum_over_all() -> None:
    model, batch = build("mlp"), images("mlp")
    unit = read_unit(model, discover(model, batch[:1]).sites[0])
    reduction = select(unit, np.arange(4))
    every = [distances(unit, reduction, np.array([j])) for j in range(9)]
    whole = distances(unit, reduction, sampled_outputs(unit))
    assert whole is not None
    assert whole.upper == pytest.approx(sum(each.upper for each in every if each is not None))


def test_a_record_has_the_section_and_nothing_else_changes(tmp_path: Path) -> None:
    here = machine(tmp_path)
    outcomes = [run_cell(a_geometry_cell(geometry_images=count), here) for count in (0, 50)]
    plain, record = (outcome.record for outcome in outcomes)
    assert plain is not None
    assert record is not None
    assert "geometry" not in plain
    assert "geometry" not in plain["config"]
    assert (
        record["config"]["geometry"] == {"images": 50} == {"images": record["geometry"]["images"]}
    )
    assert plain["compressed"] == record["compressed"]
    [unit] = record["geometry"]["units"]
    # The only unit, alone: the network's error is its own.
    assert unit["largest_l2"] == pytest.approx(
        record["geometry"]["network"]["largest_l2"], rel=1e-4
    )
    assert record["timing"]["geometry_seconds"] > 0


def test_units_that_are_not_read_from_the_dense_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match="order=original"):
        run_cell(a_geometry_cell(order=None), machine(tmp_path))
    with pytest.raises(TropnncError, match=r"geometry\.images = -1"):
        cell_settings(composed("geometry.images=-1"))


def test_rows_survive_the_csv(tmp_path: Path) -> None:
    here = machine(tmp_path)
    records = [run_cell(a_geometry_cell(m), here).record for m in ("tropnnc", "misiakos")]
    identities = [record["identity"] for record in records if record is not None]
    write_manifest(here.runs_dir, "bounds", identities)
    rows = bound_rows("bounds", here.results_dir)
    assert [(row.method, row.unit) for row in rows] == [
        *(("misiakos", "1"), ("tropnnc", "1")),
        *(("misiakos", NETWORK), ("tropnnc", NETWORK)),
    ]
    [record] = [r for r in records if r is not None and r["identity"] == rows[1].identity]
    [unit] = record["geometry"]["units"]
    for name in ("radius", "bound", "largest_l2", "b1_upper", "mean_l1"):
        assert getattr(rows[1], name) == pytest.approx(unit[name], rel=1e-5)
    assert rows[2].b1_upper is None
    # The same clusters: sums are certified to be nearer than means.
    assert rows[1].bound < rows[0].bound
    for path in here.runs_dir.glob("experiments/*"):
        path.unlink()
    assert bound_rows("bounds", here.results_dir) == rows
