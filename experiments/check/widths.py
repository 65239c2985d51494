"""The keep ratio behind a share that is counted otherwise."""

from __future__ import annotations

import torch

from experiments.architectures import build
from experiments.check.figure import Figure
from experiments.data import open_dataset
from experiments.settings import CellSettings, Machine
from tropnnc import compress

STEPS = 16


def keep_ratio(figure: Figure, cell: CellSettings, machine: Machine) -> float:
    """The share of neurons kept that ``figure`` means, on the network of ``cell``."""
    if figure.ratio_definition == "neurons_removed":
        return round(1 - figure.ratio, 9)
    if figure.ratio_definition == "parameters_kept":
        return ratio_keeping(figure.ratio, cell, machine)
    return figure.ratio


def ratio_keeping(share: float, cell: CellSettings, machine: Machine) -> float:
    """The uniform keep ratio whose network has the share of parameters nearest to ``share``."""
    model = build(cell.arch).eval()
    images = torch.zeros(1, *open_dataset(cell.dataset, machine).test.shape)

    def parameters(ratio: float) -> float:
        _, report = compress(model, images, "random", ratio, cell.scope)
        return report.after.parameters / report.before.parameters

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if parameters(middle) < share else (low, middle)
    candidates = [ratio for ratio in (low, high) if ratio > 0]
    return round(min(candidates, key=lambda ratio: abs(parameters(ratio) - share)), 4)
