"""Networks of shared values: what is stored, what trains."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from baselines.rewriters.protocol import WORD
from baselines.sharing.cws import Cws
from baselines.sharing.layer import SharedLayer
from baselines.sharing.network import Scope, share_network
from baselines.sharing.pws import Pws
from baselines.sharing.uq import Uq
from tests.networks import build, images
from tests.rewriters.small_layers import NAMES, layer
from tests.rewriters.small_layers import images as noise
from tests.sharing.layers import shared_layers
from tropnnc import TropnncError
from tropnnc.files import load_state


def steps(model: nn.Module, count: int = 3) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, weight_decay=0.1)
    for _ in range(count):
        optimizer.zero_grad()
        model(images("lenet5")).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("has_zero", [True, False])
def test_a_shared_values_gradient_is_the_sum_of_its_weights_gradients(has_zero: bool) -> None:
    own = nn.Linear(9, 7)
    codes = np.random.default_rng(0).integers(0, 5, (7, 9))
    codebook = nn.Parameter(torch.randn(5 - has_zero, generator=torch.Generator().manual_seed(0)))
    module = SharedLayer(own, codes, codebook, has_zero)
    with torch.no_grad():
        own.weight.copy_(module.weight)
    x = noise(own)
    for model in (module, own):
        model(x).square().sum().backward()
    assert own.weight.grad is not None
    assert codebook.grad is not None
    dense = own.weight.grad.flatten()
    summed = torch.zeros(5).index_add(0, torch.from_numpy(codes).flatten(), dense)
    assert torch.equal(codebook.grad, summed[int(has_zero) :])


@pytest.mark.parametrize("name", [*NAMES, "grouped"])
def test_the_module_computes_the_layer_of_its_values(name: str) -> None:
    own = layer(name)
    module = share_network(own, Cws(), 6, prune=40)
    assert isinstance(module, SharedLayer)
    assert module.codes.dtype == torch.uint8
    assert 5 <= len(module.weight.unique()) <= 7
    pruned = own.weight.abs() <= np.percentile(own.weight.detach().abs().double(), 40)
    assert torch.equal(module.weight == 0, pruned)
    x = noise(own)
    with torch.no_grad():
        own.weight.copy_(module.weight)
    assert torch.equal(module(x), own(x))


@pytest.mark.parametrize(("scope", "codebooks"), [("layer", 4), ("unified", 2), ("network", 1)])
def test_one_codebook_a_scope(scope: Scope, codebooks: int) -> None:
    dense = build("lenet5")
    before = copy.deepcopy(dense.state_dict())
    model = share_network(dense, Cws(), 8, prune=50, scope=scope)
    layers = shared_layers(model)
    assert list(layers) == ["conv1", "conv2", "fc1", "fc2"]
    assert len({id(m.codebook) for m in layers.values()}) == codebooks
    assert sum(name.endswith("codebook") for name, _ in model.named_parameters()) == codebooks
    if scope == "unified":
        assert layers["conv1"].codebook is layers["conv2"].codebook
        assert layers["fc1"].codebook is layers["fc2"].codebook
    assert all(torch.equal(before[key], value) for key, value in dense.state_dict().items())
    copied = shared_layers(copy.deepcopy(model))
    assert len({id(m.codebook) for m in copied.values()}) == codebooks


@pytest.mark.parametrize("scope", ["layer", "unified"])
def test_training_moves_the_values_and_no_zero(scope: Scope) -> None:
    """The traps: unified values that never move, masks dropped at the first step."""
    model = share_network(build("lenet5"), Cws(), 8, prune=60, scope=scope)
    zeros = {name: m.weight == 0 for name, m in shared_layers(model).items()}
    codes = {name: m.codes.clone() for name, m in shared_layers(model).items()}
    values = {name: m.codebook.detach().clone() for name, m in shared_layers(model).items()}
    for _ in range(3):
        steps(model, 1)
        for name, module in shared_layers(model).items():
            assert torch.equal(module.weight == 0, zeros[name])
            assert torch.equal(module.codes, codes[name])
    for name, module in shared_layers(model).items():
        assert (module.codebook != values[name]).all()


def test_a_step_is_one_learning_rate() -> None:
    """The trap: public classes step by lr times the optimiser's step."""
    model = share_network(build("lenet5"), Cws(), 4)
    codebook = shared_layers(model)["fc1"].codebook
    before = codebook.detach().clone()
    model(images("lenet5")).sum().backward()
    torch.optim.SGD(model.parameters(), 0.25).step()
    assert codebook.grad is not None
    torch.testing.assert_close(codebook.detach(), before - 0.25 * codebook.grad)


def test_without_zeros_codes_count_from_the_first_value() -> None:
    model = share_network(build("lenet5"), Uq(), 256)
    layers = shared_layers(model)
    assert not any(module.has_zero for module in layers.values())
    assert {module.codes.dtype for module in layers.values()} == {torch.uint8}
    own = nn.Linear(257, 1)
    with torch.no_grad():
        own.weight.copy_(torch.arange(257))
    wide = share_network(own, Cws(), 256)
    assert isinstance(wide, SharedLayer)
    assert wide.codes.dtype == torch.int16  # 256 values and zero
    assert torch.equal(wide.weight, own.weight)


def test_zeros_of_a_pruned_network_stay_their_own_symbol() -> None:
    dense = build("lenet5")
    with torch.no_grad():
        for parameter in dense.parameters():
            parameter[..., ::2] = 0
    for name, module in shared_layers(share_network(dense, Cws(), 3)).items():
        own = dense.get_parameter(f"{name}.weight")
        assert torch.equal(module.weight == 0, own == 0)
        assert torch.equal(module.codes == 0, own == 0)


def test_a_tied_codebook_is_stored_once(tmp_path: Path) -> None:
    model = share_network(build("lenet5"), Cws(), 8, prune=50)
    state = model.state_dict(keep_vars=True)
    once: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in state.items():
        once.setdefault(id(tensor), (name, tensor.detach()))
    tensors = dict(once.values())
    assert set(state) - set(tensors) == {"conv2.codebook", "fc2.codebook"}
    floats = sum(t.numel() for t in tensors.values() if t.is_floating_point()) * WORD
    assert floats == WORD * (8 + 8 + 6 + 10 + 16 + 5)
    path = tmp_path / "shared.safetensors"
    safetensors.torch.save_file(tensors, path)
    other = share_network(build("lenet5"), Pws(), 8, prune=50)
    load_state(other, safetensors.torch.load_file(path), "file")
    assert torch.equal(other(images("lenet5")), model(images("lenet5")))


def test_named_layers_only() -> None:
    model = share_network(build("lenet5"), Cws(), 8, names=["fc1"])
    assert list(shared_layers(model)) == ["fc1"]
    with pytest.raises(TropnncError, match="'pool' is no Linear or Conv2d"):
        share_network(build("lenet5"), Cws(), 8, names=["pool"])
    with pytest.raises(TropnncError, match="unknown scope"):
        share_network(build("lenet5"), Cws(), 8, scope="all")  # pyright: ignore[reportArgumentType]


def test_drawing_schemes_follow_the_generator() -> None:
    first, same, other = (
        share_network(build("lenet5"), Pws(), 8, rng=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    x = images("lenet5")
    assert torch.equal(first(x), same(x))
    assert not torch.equal(first(x), other(x))
