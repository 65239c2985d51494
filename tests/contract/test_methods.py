"""What every method owes on every network."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from experiments.logits import classification_loss
from tests.contract.methods import (
    FITTED,
    METHODS,
    MULTI_OUTPUT,
    NETWORKS,
    PAIRS,
    REFUSED,
    RESCALING,
    SINGLE_OUTPUT,
    compressed,
    configuration,
    make,
    run,
)
from tests.networks import ZOO, build, images
from tests.units import KINDS, difference, make_unit, own_activations, random_inputs
from tropnnc import (
    Tier,
    TropnncError,
    compress,
    load_compressed,
    make_method,
    method_names,
    save_compressed,
)
from tropnnc.errors import UnsupportedUnit
from tropnnc.methods import GROUP, installed
from tropnnc.protocols import ORDERS, Reducer

every_method = pytest.mark.parametrize("method", METHODS)
every_network = pytest.mark.parametrize("network", NETWORKS)
every_pair = pytest.mark.parametrize(("method", "network"), PAIRS)


def _same_state(one: nn.Module, other: nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return list(first) == list(second) and all(torch.equal(first[n], second[n]) for n in first)


def test_every_installed_method_has_its_file_and_presets_name_installed_ones() -> None:
    named = {configuration(method)["name"] for method in METHODS}
    assert named == set(method_names()) <= set(METHODS)


@every_method
def test_a_method_declares_what_it_is(method: str) -> None:
    reducer = make(method)
    assert isinstance(reducer, Reducer)
    assert reducer.needs in Tier
    assert reducer.order in ORDERS
    assert reducer.version >= 1


@every_pair
@pytest.mark.parametrize("ratio", [0.05, 0.25, 0.5])
def test_units_get_the_asked_width(method: str, network: str, ratio: float) -> None:
    small, report = run(method, network, ratio)
    asked = {name: max(1, int(ratio * n + 0.5)) for name, n in ZOO[network].units.items()}
    assert {row.name: row.kept for row in report.units} == asked
    assert {name: len(small.get_submodule(name).get_parameter("weight")) for name in asked} == asked
    logits = small(images(network))
    assert logits.shape == (8, ZOO[network].outputs)
    assert logits.isfinite().all()


@every_pair
def test_the_answer_depends_on_the_seed_alone(method: str, network: str) -> None:
    model = build(network)
    before = copy.deepcopy(model)
    small = run(method, network, 0.5)[0]
    assert _same_state(small, compressed(method, network))
    assert _same_state(model, before)


@every_network
@pytest.mark.parametrize("method", ["tropnnc", "thinet"])
def test_the_original_is_untouched(method: str, network: str) -> None:
    model = build(network)
    before, structure = copy.deepcopy(model), repr(model)
    small, _ = compress(
        model, images(network, 2), make(method), 0.25, calibration=images(network, 12)
    )
    assert _same_state(model, before)
    assert repr(model) == structure
    addresses = {p.data_ptr() for p in (*model.parameters(), *model.buffers())}
    assert not addresses & {p.data_ptr() for p in (*small.parameters(), *small.buffers())}


@every_pair
def test_ratio_1_is_the_same_function(method: str, network: str) -> None:
    small = run(method, network, 1.0)[0]
    dense, inputs = build(network), images(network)
    torch.testing.assert_close(small(inputs), dense(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", [name for name in MULTI_OUTPUT if name not in FITTED])
@pytest.mark.parametrize("kind", KINDS)
def test_the_full_width_is_the_same_unit(method: str, kind: str) -> None:
    rng = np.random.default_rng(0)
    unit = make_unit(kind, rng)
    unit = replace(unit, calibration=own_activations(unit, kind, rng)).seen_by(make(method).needs)
    reduction = make(method).reduce(make(method).prepare(unit, rng), unit.neurons)
    assert difference(unit, reduction, random_inputs(unit, kind, rng)) < 1e-9


@every_pair
def test_save_and_load_give_the_same_network(method: str, network: str, tmp_path: Path) -> None:
    small = compressed(method, network)
    save_compressed(small, tmp_path)
    loaded = load_compressed(tmp_path, build(network, seed=5))
    assert _same_state(small, loaded)
    assert torch.equal(small(images(network)), loaded(images(network)))


@every_pair
def test_it_pickles(method: str, network: str) -> None:
    small = compressed(method, network)
    again = pickle.loads(pickle.dumps(small))
    assert torch.equal(small(images(network)), again(images(network)))


@every_pair
def test_it_trains(method: str, network: str) -> None:
    small = copy.deepcopy(compressed(method, network)).train()
    for module in small.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    inputs, labels = images(network, 32), torch.arange(32) % max(ZOO[network].outputs, 2)
    loss = classification_loss(small(inputs), labels)
    loss.backward()
    torch.optim.SGD(small.parameters(), lr=1e-2).step()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in small.parameters())
    assert classification_loss(small(inputs), labels) < loss


@every_method
def test_images_are_asked_for_and_only_then_touched(method: str) -> None:
    network = "binary" if method in SINGLE_OUTPUT else "lenet5"
    model, example = build(network), images(network, 2)
    if make(method).needs >= Tier.IMAGES:
        with pytest.raises(TropnncError, match=r"needs images.*calibration"):
            compress(model, example, make(method))
    else:
        small, _ = compress(model, example, make(method), calibration=Untouchable())
        assert _same_state(small, compressed(method, network))


@pytest.mark.parametrize("method", SINGLE_OUTPUT)
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "binary"])
def test_a_unit_with_several_outputs_is_refused_by_name(method: str, network: str) -> None:
    first = next(iter(ZOO[network].units))
    with pytest.raises(UnsupportedUnit, match=rf"^{first}: \d+ outgoing .* accepts 1$"):
        run(method, network, 0.5)


@pytest.mark.parametrize(("method", "network"), REFUSED)
def test_a_unit_that_cannot_be_rescaled_is_refused_by_name(method: str, network: str) -> None:
    first = next(iter(ZOO[network].units))
    with pytest.raises(UnsupportedUnit, match=rf"^{first}: .* rescales neurons, .* depthwise"):
        run(method, network, 0.5)


@pytest.mark.parametrize("method", [*RESCALING, *SINGLE_OUTPUT])
def test_a_clipped_unit_of_one_output_is_refused(method: str) -> None:
    rng = np.random.default_rng(0)
    unit = make_unit("linear", rng)
    single = replace(unit.consumers[0], outgoing=unit.consumers[0].outgoing[:1])
    unit = replace(unit, consumers=(single,))
    make(method).prepare(unit, rng)
    with pytest.raises(UnsupportedUnit, match=r"^producer: .* rescales .* ReLU is clipped at 6;"):
        make(method).prepare(replace(unit, cap=6.0), rng)


class Untouchable(torch.Tensor):
    """Calibration images that cannot be looked at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"calibration.{name} was read")

    def __len__(self) -> int:
        raise AssertionError("the calibration images were counted")


@pytest.mark.parametrize("method", method_names())
def test_an_unknown_option_names_those_that_exist(method: str) -> None:
    with pytest.raises(
        TropnncError, match=rf"unknown option 'colour' of method {method}; accepted"
    ):
        make_method(method, colour="red")


OPTIONS = [
    (method, option)
    for method in method_names()
    for option in inspect.signature(installed(GROUP)[method].load()).parameters
]


@pytest.mark.parametrize(("method", "option"), OPTIONS)
def test_an_option_of_no_kind_that_anything_declares_is_named(method: str, option: str) -> None:
    with pytest.raises(TropnncError, match=option):
        make_method(method, **{option: ("x",)})
