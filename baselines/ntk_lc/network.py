"""Networks of random features: hidden layers drawn and frozen, a read-out on top.

Nothing here compresses trained weights: NTK-LC draws other random ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.ntk_lc.activations import Activation
from baselines.ntk_lc.coefficients import Coefficients, coefficients
from baselines.ntk_lc.layers import Binary, Counts, DenseWeights, Signal, TernaryWeights
from baselines.ntk_lc.matching import match
from baselines.ntk_lc.two_threshold import TwoThreshold
from baselines.ntk_lc.weights import WeightLaw, draw_weights, second_moment
from tropnnc.errors import TropnncError, check_at_least_one

AnyActivation = Activation | TwoThreshold


@dataclass(frozen=True)
class LayerFacts:
    """What was drawn: number of weights and of those that are not 0, and ``τ`` behind the layer."""

    weights: int
    nonzeros: int
    tau: float


class HiddenLayer(nn.Module):
    """``(σ(W h) − mean)/√d``."""

    def __init__(
        self, weights: DenseWeights | TernaryWeights, activation: AnyActivation, mean: float
    ) -> None:
        super().__init__()
        self.weights = weights
        self.activation = activation
        self.mean = mean

    def forward(self, signal: Signal) -> Signal:
        """The next signal, two-valued where the activation has two thresholds."""
        found = self.weights(signal)
        sigma = self.activation
        root = self.weights.rows**0.5
        if isinstance(sigma, TwoThreshold):
            if isinstance(found, Counts):
                excited = found.outside(sigma.low, sigma.high)
            else:
                excited = ((found < sigma.low) | (found > sigma.high)).to(torch.int8)
            return Binary(excited, -self.mean / root, sigma.a / root)
        values = found.values if isinstance(found, Counts) else found
        return (sigma.function(values) - self.mean) / root


class RandomFeatures(nn.Module):
    """Frozen hidden layers; the kernel of the features is the network's conjugate kernel.

    Attributes:
        facts: of every layer.
    """

    def __init__(self, layers: Sequence[HiddenLayer], facts: Sequence[LayerFacts]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.facts = tuple(facts)

    @property
    def tau(self) -> float:
        """``τ_L``: root of the features' expected squared norm."""
        return self.facts[-1].tau

    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        """Features ``[b, d_L]`` of inputs ``[b, p]``, float32."""
        signal: Signal = x
        for layer in self.layers:
            signal = layer(signal)
        return signal.values if isinstance(signal, Binary) else signal


def random_features(
    inputs: int,
    widths: Sequence[int],
    activations: Sequence[AnyActivation],
    law: WeightLaw,
    seed: int,
    tau0: float = 1.0,
) -> RandomFeatures:
    """A network with weights drawn from ``seed``.

    Every layer subtracts ``E[σ]`` at the scale that it has with these weights.

    Args:
        inputs: dimension of the inputs.
        widths: neurons of each hidden layer.
        activations: one for each.
        law: of all hidden weights.
        seed: of all of them.
        tau0: root of the mean squared norm of the inputs.

    Raises:
        TropnncError: another number of activations than of widths, or a width below 1.
    """
    if len(widths) != len(activations) or not widths:
        raise TropnncError(
            f"{len(widths)} widths and {len(activations)} activations are not accepted; one of each"
            " per layer is"
        )
    layers, facts, tau, columns = [], [], tau0, inputs
    for index, (width, sigma) in enumerate(zip(widths, activations, strict=True)):
        check_at_least_one("width", width)
        numbers = draw_weights(law, width, columns, seed, index)
        scale = tau * second_moment(law, numbers) ** 0.5
        found = _coefficients(sigma, scale)
        ternary = law.kind == "ternary"
        weights = TernaryWeights(numbers, law.scale) if ternary else DenseWeights(numbers)
        layers.append(HiddenLayer(weights, sigma, found.mean))
        facts.append(LayerFacts(numbers.numel(), int(numbers.count_nonzero()), found.tau))
        tau, columns = found.tau, width
    return RandomFeatures(layers, facts)


def ntk_lc(
    inputs: int,
    widths: Sequence[int],
    activations: Sequence[Activation],
    sparsity: float,
    seed: int,
    tau0: float = 1.0,
) -> RandomFeatures:
    """NTK-LC of the random network with ``activations``: ternary weights, σ_T that match it.

    Raises:
        TropnncError: an activation that no σ_T matches, or as :func:`random_features`.
    """
    matched = [each.activation for each in match(activations, tau0)]
    return random_features(inputs, widths, matched, WeightLaw("ternary", sparsity), seed, tau0)


def _coefficients(sigma: AnyActivation, scale: float) -> Coefficients:
    if isinstance(sigma, TwoThreshold):
        return sigma.coefficients(scale)
    return coefficients(sigma, scale)
