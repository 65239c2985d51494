"""The sine network of COIN++, its modulations and what its initialisation promises."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.coin import ModulatedSiren, SirenShape, grid
from tropnnc import TropnncError


def siren(shape: SirenShape, seed: int = 0) -> ModulatedSiren:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ModulatedSiren(shape)


def plain(model: ModulatedSiren, x: Tensor, extra: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The network written out, and all pre-activations; ``extra [L − 1, H]`` joins the biases."""
    pre, state = [], x
    *sines, last = [(layer.weight, layer.bias) for layer in model.linear]
    for (weight, bias), shift in zip(sines, extra, strict=True):
        pre.append(model.shape.frequency * F.linear(state, weight, bias + shift))
        state = pre[-1].sin()
    return F.linear(state, *last) + 0.5, pre


def test_parameters() -> None:
    """Golden: relatives.md C1, counted there."""
    small = SirenShape(layers=5, width=64, latent=64)
    assert small.parameters == 29_377
    assert sum(p.numel() for p in siren(small).parameters()) == 29_377
    published = SirenShape(layers=10, width=512, latent=384, channels=3, frequency=50)
    assert published.parameters == 3_878_403
    with torch.device("meta"):
        assert sum(p.numel() for p in ModulatedSiren(published).parameters()) == 3_878_403
    assert SirenShape(10, 512, 128, 3).parameters == 2_698_755


def test_a_latent_of_zeros_leaves_the_plain_network_with_biases_b_plus_m() -> None:
    model = siren(SirenShape(4, 16, 8, channels=3))
    x = torch.rand(50, 2)
    expected, _ = plain(model, x, model.modulation.bias.view(3, 16))
    found = model(x, torch.zeros(1, 8))
    torch.testing.assert_close(found[0], expected, rtol=1e-5, atol=1e-5)


def test_a_latent_shifts_inside_of_the_factor() -> None:
    model = siren(SirenShape(4, 16, 8))
    x, z = torch.rand(50, 2), torch.randn(1, 8) / 10
    expected, _ = plain(model, x, model.modulation(z).view(3, 16))
    torch.testing.assert_close(model(x, z)[0], expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(model(x, z), model(x, 0 * z), atol=1e-3)


def check_statistics(shape: SirenShape, golden: list[tuple[float, float]]) -> None:
    model, x = siren(shape), torch.rand(20_000, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        _, pre = plain(model, x, torch.zeros(shape.layers - 1, shape.width))
    for index, (own, (before, after)) in enumerate(zip(pre, golden, strict=False)):
        assert 0.60 < float(own.sin().std()) < 0.73
        assert float(own.sin().std()) == pytest.approx(after, abs=0.03)
        assert float(own.std()) == pytest.approx(before, rel=0.15)
        assert index == 0 or 0.85 < float(own.std()) < 1.1


def test_statistics() -> None:
    golden = [(11.12, 0.710), (1.02, 0.659), (0.945, 0.646), (0.940, 0.645)]
    check_statistics(SirenShape(5, 64, 64), golden)


@pytest.mark.slow
def test_statistics_of_the_published_size() -> None:
    golden = [(18.9, 0.706), (1.00, 0.658), (0.93, 0.644), (0.92, 0.638)]
    check_statistics(SirenShape(10, 512, 4, channels=3, frequency=50), golden)


def test_initial_bounds() -> None:
    shape = SirenShape(3, 400, 100)
    model = siren(shape)
    for layer, bound in zip(model.linear, (1 / 2, *[(6 / 400) ** 0.5 / 30] * 2), strict=True):
        for values in (layer.weight, layer.bias):
            assert float(values.detach().abs().max()) <= bound
        assert float(layer.weight.detach().abs().max()) > 0.99 * bound - 1e-3
    assert 0.099 < float(model.modulation.weight.detach().abs().max()) <= 0.1


def test_the_grid_has_both_ends_row_by_row() -> None:
    found = grid(3, 2)
    assert found.tolist() == [[0, 0], [0, 1], [0.5, 0], [0.5, 1], [1, 0], [1, 1]]
    assert all(a != b for a, b in pairwise(grid(28, 28).tolist()))


def test_bad_shapes() -> None:
    for layers, width, frequency in ((1, 64, 30), (5, 0, 30), (5, 64, 0)):
        with pytest.raises(TropnncError, match="positive sizes"):
            SirenShape(layers, width, 64, frequency=frequency)
