"""Differential repair against whole forward passes (theory.md 5.2, step 4)."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tests import networks
from tropnnc import compress
from tropnnc.composition import composed
from tropnnc.composition.differential import Differential
from tropnnc.graph import discover
from tropnnc.protocols import Networks

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d


def norms(model: nn.Module) -> dict[str, BatchNorm]:
    return {name: m for name, m in model.named_modules() if isinstance(m, BatchNorm)}


@torch.no_grad()
def moments(model: nn.Module, name: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population variance per channel of what a batch norm reads, from the start."""
    seen: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    model(images)
    handle.remove()
    values = seen[0].transpose(0, 1).flatten(1)
    return values.mean(dim=1), values.var(dim=1, correction=0)


def remember(model: nn.Module, images: Tensor) -> None:
    """Give every batch norm the statistics of ``images``, one after the other."""
    for name, norm in norms(model).items():
        norm.running_mean, norm.running_var = moments(model, name, images)


def transcribed(
    dense: nn.Module, small: nn.Module, images: Tensor, kept: dict[str, Tensor]
) -> None:
    """All batch norms of ``small``, in order; ``kept`` are the channels that are left."""
    for name, norm in norms(small).items():
        mean, variance = (
            m[kept[name]] if name in kept else m for m in moments(dense, name, images)
        )
        new_mean, new_variance = moments(small, name, images)
        old_mean, old_variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        factor = ((old_variance + norm.eps) / (variance + norm.eps)).sqrt().clamp(0.2, 5)
        norm.running_mean = old_mean + (new_mean - mean) * factor
        norm.running_var = old_variance * (new_variance / variance).clamp(0.02, 4)


@pytest.mark.parametrize(("name", "spread"), [("vgg", 1.0), ("resnet", 1.0), ("resnet", 1e3)])
def test_each_batch_norm_is_repaired_behind_the_repaired_ones(name: str, spread: float) -> None:
    model, images = networks.build(name).double(), networks.images(name, 30).double()
    for norm in norms(model).values():  # beyond the clips
        norm.get_buffer("running_var")[::2] *= spread
        norm.get_buffer("running_var")[1::3] /= spread
    plain = composed("l1", "images", "none", "none")
    repaired = composed("l1", "images", "none", "differential")
    expected, _ = compress(model, images[:2], plain, 0.5, calibration=images)
    small, report = compress(model, images[:2], repaired, 0.5, calibration=images)
    kept = {
        str(site.batch_norm): torch.from_numpy(report.mixes[site.producer].toarray().argmax(0))
        for site in discover(model, images[:2]).sites
    }
    transcribed(model, expected, images, kept)
    state = small.state_dict()
    for key, value in expected.state_dict().items():
        assert torch.allclose(state[key], value, atol=1e-9), key


def test_where_the_file_knows_the_images_the_repaired_network_knows_them_too() -> None:
    """Then the anchor is the measured mean and variance, and so is the result."""
    model, images = networks.build("resnet").double(), networks.images("resnet", 60).double()
    remember(model, images)
    method = composed("l1", "images", "none", "differential")
    small, _ = compress(model, images[:2], method, 0.75, calibration=images)
    for name, norm in norms(small).items():
        mean, variance = moments(small, name, images)
        assert torch.allclose(norm.get_buffer("running_mean"), mean, atol=1e-5)
        assert torch.allclose(norm.get_buffer("running_var"), variance, rtol=1e-4)


@pytest.mark.parametrize("name", ["vgg", "resnet", "inverted", "shuffle", "binary"])
def test_the_buffers_of_an_uncompressed_network_stay_bit_for_bit(name: str) -> None:
    dense, images = networks.build(name), networks.images(name, 20)
    small = copy.deepcopy(dense)
    Differential().finish(Networks(dense, small, images, frozenset(), {}))
    state = dense.state_dict()
    assert all(torch.equal(state[key], value) for key, value in small.state_dict().items())


def test_fitted_batch_norms_and_those_of_unknown_channels_are_left() -> None:
    dense, images = networks.build("resnet"), networks.images("resnet", 20)
    small = copy.deepcopy(dense)
    with torch.no_grad():
        small.get_parameter("stem.weight").mul_(2)
    fitted, unknown = frozenset({"block1.bn2"}), {"block1.bn1": None}
    before = copy.deepcopy(small.state_dict())
    Differential().finish(Networks(dense, small, images, fitted, unknown))
    changed = {
        key.rpartition(".")[0]
        for key, value in small.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert changed == set(norms(dense)) - fitted - unknown.keys()
