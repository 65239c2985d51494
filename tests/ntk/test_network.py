"""Networks of random features: draws, packing, exact products, kernels as the recursions say."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from baselines.ntk_lc import TwoThreshold, WeightLaw, match, ntk_lc, random_features
from baselines.ntk_lc.activations import ABS, RELU
from baselines.ntk_lc.layers import Binary, Counts, TernaryWeights, integer_product
from baselines.ntk_lc.network import HiddenLayer, RandomFeatures
from baselines.ntk_lc.packing import pack, unpack
from baselines.ntk_lc.weights import draw_weights, second_moment
from tropnnc import TropnncError

small = st.integers(1, 40)


def inputs(count: int = 20, dimension: int = 60) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, dimension, generator=generator) / dimension**0.5


@given(rows=small, columns=small, sparsity=st.floats(0, 0.97), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_ternary_draws_are_exact_and_packed_without_loss(
    rows: int, columns: int, sparsity: float, seed: int
) -> None:
    law = WeightLaw("ternary", sparsity)
    numbers = draw_weights(law, rows, columns, seed, 1)
    positive, negative = int((numbers == 1).sum()), int((numbers == -1).sum())
    assert positive + negative == rows * columns - int(sparsity * rows * columns + 0.5)
    assert abs(positive - negative) <= 1
    planes = pack(numbers)
    assert planes.numel() == 2 * -(-rows * columns // 8)
    assert torch.equal(unpack(planes, rows, columns), numbers)
    assert torch.equal(draw_weights(law, rows, columns, seed, 1), numbers)


def test_draws_are_unbiased_and_of_unit_variance() -> None:
    law = WeightLaw("ternary", 0.9)
    drawn = torch.stack([draw_weights(law, 7, 9, seed, 0) for seed in range(4000)]).double()
    weights = law.scale * drawn
    # Standard error of a mean of 4,000 with variance 1 is .0158; 63 places.
    assert weights.mean(dim=0).abs().max() < 5 * 0.0158
    assert weights.square().mean(dim=0).sub(1).abs().max() < 5 * 3 * 0.0158
    pairs = torch.einsum("sij,sik->jk", weights, weights) / (4000 * 7)
    assert (pairs - torch.diag(pairs.diag())).abs().max() < 0.05  # a fixed count couples a little


def test_other_seeds_layers_and_laws_are_other_draws() -> None:
    draws = [
        draw_weights(WeightLaw("ternary", sparsity), 8, 8, seed, layer)
        for sparsity, seed, layer in [(0.5, 0, 0), (0.5, 1, 0), (0.5, 0, 1)]
    ]
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_gaussian_baselines() -> None:
    zeroed = draw_weights(WeightLaw("zeroed", 0.8), 100, 90, 3, 0)
    pruned = draw_weights(WeightLaw("pruned", 0.9), 100, 90, 3, 0)
    assert int(zeroed.count_nonzero()) == 1800
    assert int(pruned.count_nonzero()) == 900
    assert pruned[pruned != 0].abs().min() == pytest.approx(1.645, abs=0.05)
    assert second_moment(WeightLaw("zeroed", 0.8), zeroed) == pytest.approx(0.2, abs=0.02)
    dense = draw_weights(WeightLaw("gaussian"), 100, 90, 3, 0)
    for sparse in (zeroed, pruned):  # of the network that they stand for, not of another one
        assert torch.equal(sparse[sparse != 0], dense[sparse != 0])


@given(b=small, rows=small, columns=small, seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_integer_products(b: int, rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    excited = torch.from_numpy(rng.integers(0, 2, (b, columns), dtype=np.int8))
    numbers = torch.from_numpy(rng.integers(-1, 2, (rows, columns), dtype=np.int8))
    found = integer_product(excited, numbers)
    assert torch.equal(found.double(), excited.double() @ numbers.double().T)


@given(factor=st.floats(-2, 2).filter(lambda x: abs(x) > 0.01), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_thresholds_on_counts(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = torch.from_numpy(rng.integers(-50, 50, (30, 6), dtype=np.int32))
    shift = torch.from_numpy(rng.normal(size=6)).float()
    found = Counts(counts, factor, shift).outside(-3.0, 7.0)
    exact = factor * counts.double() + shift.double()
    assert torch.equal(found.bool(), (exact < -3.0) | (exact > 7.0))
    assert Counts(counts, factor, shift).outside(0.0, float("inf")).bool().equal(exact < 0)


def reference(network: RandomFeatures, x: Tensor) -> Tensor:
    """The same function by float64 matrices."""
    signal = x.double()
    for layer in network.layers:
        assert isinstance(layer, HiddenLayer)
        weights = layer.weights
        if isinstance(weights, TernaryWeights):
            matrix = weights.scale * unpack(weights.planes, weights.rows, weights.columns).double()
        else:
            matrix = weights.weights.double()
        values = layer.activation.function(signal @ matrix.T)
        signal = (values - layer.mean) / matrix.shape[0] ** 0.5
    return signal


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9])
def test_ntk_lc_against_dense_matrices(sparsity: float) -> None:
    x = inputs()
    network = ntk_lc(60, (50, 41, 30), [RELU] * 3, sparsity, seed=1)
    found = network(x)
    assert found.shape == (20, 30)
    assert found.unique().numel() == 2
    # A pre-activation of the first layer may fall on the other side of a threshold in float32.
    assert (found.double() - reference(network, x)).abs().gt(1e-6).float().mean() < 0.002


@pytest.mark.parametrize(
    ("law", "activations"),
    [
        (WeightLaw("gaussian"), [RELU, RELU]),
        (WeightLaw("ternary", 0.7), [RELU, ABS]),
        (WeightLaw("zeroed", 0.8), [RELU, RELU]),
        (WeightLaw("ternary", 0.5), [TwoThreshold(1, -1, 1), RELU]),
    ],
)
def test_other_networks_against_dense_matrices(law: WeightLaw, activations: list) -> None:
    network = random_features(60, (50, 30), activations, law, seed=1)
    torch.testing.assert_close(
        network(inputs()).double(), reference(network, inputs()), rtol=1e-4, atol=1e-6
    )


def test_gaussian_weights_with_two_thresholds() -> None:
    law, sigma = WeightLaw("gaussian"), TwoThreshold(1, -1, 1)
    network = random_features(60, (50, 30), [sigma, RELU], law, seed=1)
    found = network(inputs()).double()
    assert (found - reference(network, inputs())).abs().gt(1e-5).float().mean() < 0.05


def test_a_network_is_its_seed_and_its_state() -> None:
    one, same, other = (ntk_lc(60, (50, 30), [RELU] * 2, 0.9, seed) for seed in (1, 1, 2))
    assert torch.equal(one(inputs()), same(inputs()))
    assert not torch.equal(one(inputs()), other(inputs()))
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert torch.equal(one(inputs()), other(inputs()))
    assert sum(b.numel() for b in one.buffers()) == 2 * (-(-60 * 50 // 8) + -(-50 * 30 // 8))
    assert not list(one.parameters())


def test_norms_are_tau() -> None:
    x = inputs(200, 800)
    for network in (
        random_features(800, (1500, 1500), [RELU] * 2, WeightLaw("gaussian"), seed=0),
        random_features(800, (1500, 1500), [RELU] * 2, WeightLaw("zeroed", 0.8), seed=0),
        ntk_lc(800, (1500, 1500), [RELU] * 2, 0.9, seed=0),
    ):
        mean_square = network(x).square().sum(dim=1).mean()
        assert float(mean_square) == pytest.approx(network.tau**2, rel=0.05)
    assert network.tau == pytest.approx(match([RELU] * 2)[-1].matched.tau)


def test_wrong_arguments() -> None:
    with pytest.raises(TropnncError, match="one of each per layer"):
        ntk_lc(60, (50,), [RELU] * 2, 0.5, 0)
    with pytest.raises(TropnncError, match="0 ≤ sparsity < 1"):
        WeightLaw("ternary", 1.0)
    with pytest.raises(TropnncError, match="zeroed and pruned"):
        WeightLaw("gaussian", 0.5)
    with pytest.raises(TropnncError, match="0, 1 and −1"):
        pack(torch.tensor([[2]], dtype=torch.int8))


def test_binary_values() -> None:
    signal = Binary(torch.tensor([[0, 1]], dtype=torch.int8), -0.5, 2.0)
    assert signal.values.tolist() == [[-0.5, 1.5]]
