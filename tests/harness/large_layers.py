"""``python -m tests.harness.large_layers METHOD FEATURES NEURONS OUTPUTS``: the memory it takes.

Compresses a linear layer of ``NEURONS`` on ``FEATURES`` inputs at .5 and prints, in bytes, by how
much the peak of the process exceeds what the network takes before, and the size of its weights.
"""

from __future__ import annotations

import sys

import torch
from torch import nn

from experiments.memory import peak_rss, reset_peak
from tropnnc import compress, make_method


def measure(method: str, features: int, neurons: int, outputs: int) -> tuple[int, int]:
    """Bytes above the network, and those of its weights; K-means from one start."""
    layers = nn.Linear(features, neurons), nn.ReLU(), nn.Linear(neurons, outputs)
    model, example = nn.Sequential(*layers).eval(), torch.rand(1, features)
    # What is loaded at the first use is not the layer's.
    compress(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), example[:, :4], method)
    options = {} if method in ("l1", "cup") else {"n_init": 1}
    reset_peak()
    before = peak_rss()
    compress(model, example, make_method(method, **options), 0.5)
    after = peak_rss()
    assert before is not None
    assert after is not None
    return after - before, sum(4 * parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(*measure(sys.argv[1], *map(int, sys.argv[2:])))
