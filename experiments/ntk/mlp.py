"""What the paper left out: a small network of the same storage, all of it trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.ntk_lc.storage import FLOAT, hidden_bits, readout_bits
from experiments.determinism import deterministic
from experiments.ntk.data import Part, Vectors
from experiments.ntk.networks import thresholds
from experiments.ntk.settings import AccuracyCell
from tropnnc.seeding import derive_seed

EPOCHS, BATCH = 30, 256
RATES = (1e-3, 4e-3)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, its hidden width, the rate that validation chose, correct there."""

    model: nn.Module
    width: int
    rate: float
    validation: int


def equal_width(cell: AccuracyCell, inputs: int, classes: int) -> int:
    """Neurons per hidden layer, such that all float32 parameters fit into NTK-LC's storage.

    NTK-LC's is counted as the paper does, in its favour: 2 bits per non-zero weight wherever it
    is, and the read-out. At least one neuron.
    """
    shapes = list(pairwise((inputs, *cell.widths)))
    weights = sum(a * b for a, b in shapes)
    nonzeros = round((1 - cell.sparsity) * weights)
    depth = len(cell.widths)
    bits = hidden_bits(weights, nonzeros, ternary=True)["nominal"]
    bits += readout_bits(cell.widths[-1], classes, thresholds("ntk_lc", depth))
    width = 1
    while FLOAT * parameters(inputs, width + 1, depth, classes) <= bits:
        width += 1
    return width


def parameters(inputs: int, width: int, depth: int, classes: int) -> int:
    """Weights and biases of ``depth`` hidden layers of ``width`` neurons and the last layer."""
    sizes = (inputs, *[width] * depth, classes)
    return sum((a + 1) * b for a, b in pairwise(sizes))


def train_mlp(cell: AccuracyCell, vectors: Vectors) -> Trained:
    """The best of :data:`RATES` on the validation part; last epoch, not best."""
    inputs = vectors.train.x.shape[1]
    width = equal_width(cell, inputs, vectors.classes)
    fits = [_fit(cell, vectors, width, rate) for rate in RATES]
    return max(fits, key=lambda fit: fit.validation)


def correct(model: nn.Module, part: Part) -> Tensor:
    """Which vectors are classified correctly, bool ``[n]``."""
    with torch.inference_mode():
        return model(part.x).argmax(dim=1) == torch.from_numpy(part.labels)


def _fit(cell: AccuracyCell, vectors: Vectors, width: int, rate: float) -> Trained:
    x, labels = vectors.train.x, torch.from_numpy(vectors.train.labels)
    steps = EPOCHS * -(-len(x) // BATCH)
    with deterministic(derive_seed(cell.draw, "ntk mlp")):
        model = _mlp(x.shape[1], width, len(cell.widths), vectors.classes)
        optimizer = torch.optim.AdamW(model.parameters(), rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(x)).split(BATCH):
                optimizer.zero_grad()
                F.cross_entropy(model(x[chosen]), labels[chosen]).backward()
                optimizer.step()
                schedule.step()
    return Trained(model, width, rate, int(correct(model, vectors.validation).sum()))


def _mlp(inputs: int, width: int, depth: int, classes: int) -> nn.Sequential:
    layers: list[nn.Module] = [_Scale(inputs**0.5)]
    for a, b in pairwise((inputs, *[width] * depth)):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, classes))


class _Scale(nn.Module):
    """Vectors of norm 1 get entries of order 1, which initialisations are made for."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """``factor·x``."""
        return x * self.factor
