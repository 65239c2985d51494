"""A compressed network is an ordinary module, whatever the method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from tests.contract.methods import NETWORKS, PAIRS, compressed
from tests.networks import build, images
from tropnnc import compress, load_compressed, save_compressed

# A merge writes other batch norms than a selection; other methods write as one of the two.
FAST = ("tropnnc", "l1")


def _pairs(fast: tuple[str, ...]) -> pytest.MarkDecorator:
    """Every method on every network that it can do; the test is slow but for those ``fast``."""
    cases = [
        pytest.param(*pair, marks=[] if pair[0] in fast else [pytest.mark.slow]) for pair in PAIRS
    ]
    return pytest.mark.parametrize(("method", "network"), cases)


every_network = pytest.mark.parametrize("network", NETWORKS)


@_pairs(fast=FAST)
def test_torch_export(method: str, network: str) -> None:
    small = compressed(method, network)
    exported = torch.export.export(small, (images(network),)).module()
    torch.testing.assert_close(exported(images(network)), small(images(network)))


# torch 2.13's exporter uses a spelling of pytree that torch deprecates.
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
@_pairs(fast=("tropnnc",))
def test_onnx(method: str, network: str, tmp_path: Path) -> None:
    small, inputs, path = compressed(method, network), images(network), tmp_path / "small.onnx"
    torch.onnx.export(small, (inputs,), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answer = np.asarray(session.run(None, {session.get_inputs()[0].name: inputs.numpy()})[0])
    np.testing.assert_allclose(answer, small(inputs).detach(), rtol=1e-4, atol=1e-5)


def _modes(model: nn.Module) -> dict[str, bool]:
    return {name: module.training for name, module in model.named_modules()}


@pytest.mark.parametrize("method", FAST)
@every_network
def test_training_mode_dtype_and_frozen_parameters_are_kept(
    method: str, network: str, tmp_path: Path
) -> None:
    model = build(network).double().train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eval()
    frozen = dict.fromkeys(name for name, _ in list(model.named_parameters())[:2])
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    small, _ = compress(model, images(network, 2).double(), method)
    save_compressed(small, tmp_path)
    for answer in (small, load_compressed(tmp_path, model)):
        assert _modes(answer) == _modes(model)
        assert {p.dtype for p in answer.parameters()} == {torch.float64}
        assert {n for n, p in answer.named_parameters() if not p.requires_grad} == set(frozen)


@every_network
def test_layers_know_their_sizes(network: str) -> None:
    for module in compressed("tropnnc", network).modules():
        if isinstance(module, nn.Linear):
            assert module.weight.shape == (module.out_features, module.in_features)
        if isinstance(module, nn.Conv2d):
            assert module.weight.shape[:2] == (
                module.out_channels,
                module.in_channels // module.groups,
            )
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.weight.shape == (module.num_features,)
