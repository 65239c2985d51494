"""The random networks of the experiments, three ReLU layers and what takes their place."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.ntk_lc import RandomFeatures, TwoThreshold, WeightLaw, match, random_features
from baselines.ntk_lc.activations import RELU
from baselines.ntk_lc.network import AnyActivation
from experiments.ntk.settings import AccuracyCell, Method
from tropnnc.seeding import derive_seed

# ntk_lc.md 1.5: on all layers but the last.
NAIVE = TwoThreshold(1.0, -1.0, 1.0)
# By method: whether hidden weights are ternary, and how many constants σ_T has in all layers.
TERNARY: tuple[Method, ...] = ("ntk_lc", "ternary_relu")
CONSTANTS = 4


@dataclass(frozen=True, eq=False)
class Drawn:
    """A network, and what its read-out needs to know.

    Attributes:
        network: drawn.
        reference: ``τ`` of the network whose kernel it is meant to have.
        shift: by which its kernel's eigenvalues are larger than those.
    """

    network: RandomFeatures
    reference: float
    shift: float


def draw_network(cell: AccuracyCell, inputs: int) -> Drawn:
    """The network of a cell; hidden weights depend on draw, law, layer and shape alone."""
    law, activations, shift = _parts(cell.method, cell.sparsity, len(cell.widths))
    seed = derive_seed(cell.draw, "ntk network")
    network = random_features(inputs, cell.widths, activations, law, seed)
    return Drawn(network, (network.tau**2 - shift) ** 0.5, shift)


def thresholds(method: str, depth: int) -> int:
    """Constants of the activations, kept beside the weights: ``a``, both thresholds, the mean."""
    layers = {"ntk_lc": depth, "naive_binary": depth - 1}
    return CONSTANTS * layers.get(method, 0)


def _parts(
    method: Method, sparsity: float, depth: int
) -> tuple[WeightLaw, list[AnyActivation], float]:
    """Weights, activations and shift of the kernel."""
    relu: list[AnyActivation] = [RELU] * depth
    if method == "ntk_lc":
        matches = match([RELU] * depth)
        sigmas: list[AnyActivation] = [each.activation for each in matches]
        return WeightLaw("ternary", sparsity), sigmas, matches[-1].shift
    if method == "naive_binary":
        return WeightLaw("gaussian"), [*[NAIVE] * (depth - 1), RELU], 0.0
    laws = {
        "ternary_relu": WeightLaw("ternary", sparsity),
        "zeroing": WeightLaw("zeroed", sparsity),
        "magnitude": WeightLaw("pruned", sparsity),
    }
    return laws.get(method, WeightLaw("gaussian")), relu, 0.0
