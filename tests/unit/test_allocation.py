"""Allocators by name, on networks and on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.parsing import cell_settings
from tests.harness.cells import composed
from tests.networks import ZOO, build, images
from tests.units import make_unit
from tropnnc import Allocator, TropnncError, compress, load_compressed, make_allocator
from tropnnc.allocation import allocator_names, stated_options
from tropnnc.allocation.neural_path import normalised_heights
from tropnnc.cli import main

NON_UNIFORM = [
    ("tropnnc", {"normalisation": "none"}),
    ("tropnnc", {"normalisation": "norm"}),
    ("cup", {}),
    ("gain", {"normalisation": "none"}),
    ("gain", {"normalisation": "norm"}),
]


def test_every_installed_allocator_is_one() -> None:
    assert allocator_names() == ["cup", "gain", "tropnnc", "uniform"]
    for name in allocator_names():
        allocator = make_allocator(name)
        assert isinstance(allocator, Allocator)
        assert allocator.version >= 1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("even", {}, "unknown allocator 'even'; accepted are cup, gain, tropnnc, uniform"),
        ("uniform", {"budget": "macs"}, "unknown option 'budget' of allocator uniform; .* none"),
        ("tropnnc", {"budget": "bytes"}, "unknown budget .*; accepted are neurons, param.*, macs"),
        ("gain", {"budget": "bytes"}, "unknown budget .*; accepted are neurons, parameters, macs"),
        ("gain", {"normalisation": "l2"}, "unknown normalisation 'l2'; accepted are none, norm"),
        ("cup", {"budget": "bytes"}, "unknown budget .*; accepted are neurons, parameters, macs"),
        ("tropnnc", {"normalisation": "l2"}, "unknown normalisation 'l2'; accepted are none, norm"),
    ],
)
def test_bad_options_are_one_line(name: str, options: dict[str, Any], message: str) -> None:
    for function in (
        lambda: make_allocator(name, **options),
        lambda: stated_options(name, options),
    ):
        with pytest.raises(TropnncError, match=message):
            function()


@pytest.mark.parametrize(("name", "options"), NON_UNIFORM)
@pytest.mark.parametrize("ratio", [0.9, 0.72])
def test_copies_are_given_up_first(name: str, options: dict[str, Any], ratio: float) -> None:
    model = build("mlp")
    with torch.no_grad():
        for parameter in ("1.weight", "1.bias"):
            rows = model.get_parameter(parameter)
            rows[6:] = rows[:6]
        columns = model.get_parameter("3.weight")
        columns[:, 6:] = columns[:, :6]
    allocator = make_allocator(name, **options)
    small, report = compress(model, images("mlp"), "tropnnc", ratio, allocator=allocator)
    # 15 of 21 neurons at .72, which is as many as differ.
    assert report.widths["3"] == 9
    assert 6 <= report.widths["1"] < 12
    assert report.widths["1"] == 6 or ratio == 0.9
    torch.testing.assert_close(small(images("mlp")), model(images("mlp")), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", list(ZOO))
@pytest.mark.parametrize(("name", "options"), NON_UNIFORM)
def test_the_compressed_network_has_these_widths(
    network: str, name: str, options: dict[str, Any]
) -> None:
    results = [
        compress(build(network), images(network), "l1", ratio, allocator=allocator)
        for ratio in (0.25, 0.6)
        for allocator in ("uniform", make_allocator(name, **options))
    ]
    for (_, uniform), (small, report) in zip(results[::2], results[1::2], strict=True):
        assert 0 < sum(report.widths.values()) <= sum(uniform.widths.values())
        assert small(images(network)).isfinite().all()
        for unit, width in report.widths.items():
            assert len(small.get_submodule(unit).get_parameter("weight")) == width


def test_a_unit_without_output_is_merged_for_nothing() -> None:
    unit = make_unit("linear", np.random.default_rng(0))
    silent = replace(unit, consumers=(replace(unit.consumers[0], outgoing=np.zeros((4, 10, 1))),))
    assert normalised_heights(silent).tolist() == [0.0] * 9


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("uniform", {"name": "uniform", "options": {}}),
        ("{name:uniform}", {"name": "uniform", "options": {}}),
        ("cup", {"name": "cup", "options": {}}),
        ("{name:tropnnc,options:{}}", {"name": "tropnnc", "options": {}}),
        # Defaults are left out: one cell, however it is spelt.
        ("{name:tropnnc,options:{budget:neurons}}", {"name": "tropnnc", "options": {}}),
        (
            "{name:tropnnc,options:{normalisation:norm,budget:macs}}",
            {"name": "tropnnc", "options": {"budget": "macs", "normalisation": "norm"}},
        ),
    ],
)
def test_the_configuration_names_an_allocator(override: str, expected: dict[str, Any]) -> None:
    cell = cell_settings(composed(f"allocator={override}"))
    assert cell.determinants()["allocator"] == expected


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("null", "allocator = None is not accepted; NAME or {name: NAME, options: {KEY: VALUE}}"),
        ("[cup]", "is not accepted"),
        ("{name:cup,option:{}}", "is not accepted"),
        ("{name:cup,options:macs}", "is not accepted"),
        ("{options:{}}", "is not accepted"),
        ("even", "unknown allocator 'even'; accepted are cup, gain, tropnnc, uniform"),
        ("{name:cup,options:{budget:{a:1}}}", "unknown budget"),
        ("{name:cup,options:{threshold:1}}", "unknown option 'threshold' of allocator cup"),
    ],
)
def test_a_configuration_that_names_none(override: str, message: str) -> None:
    with pytest.raises(TropnncError) as caught:
        cell_settings(composed(f"allocator={override}"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(build("lenet5").state_dict(), tmp_path / "w.pt")
    command = ["compress", str(tmp_path / "w.pt"), "--arch", "tests.networks:LeNet5"]
    command += ["--input", "1,28,28", "--method", "cup", "--out", str(tmp_path / "out")]
    command += ["--allocator", "tropnnc", "--allocator-option"]
    assert main([*command, "budget=bytes"]) == 2
    assert "accepted are neurons, parameters, macs" in capsys.readouterr().err
    assert main([*command, "budget=macs"]) == 0
    loaded = load_compressed(tmp_path / "out", build("lenet5"))
    expected, _ = compress(
        build("lenet5"), images("lenet5"), "cup", allocator=make_allocator("tropnnc", budget="macs")
    )
    assert torch.equal(loaded(images("lenet5")), expected(images("lenet5")))


@pytest.mark.parametrize("name", allocator_names())
def test_the_report_names_the_allocator(name: str) -> None:
    _, report = compress(build("mlp"), images("mlp"), "l1", 0.5, allocator=name)
    assert f"allocator {name}, " in str(report)
