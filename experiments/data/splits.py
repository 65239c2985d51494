"""Fixed stratified splits."""

from __future__ import annotations

import numpy as np
import torch

from experiments.data.dataset import Own
from tropnnc.seeding import derive_rng


def cut(split: Own, per_class: int, purpose: str) -> tuple[Own, Own]:
    """``(part, rest)``: ``per_class`` examples of every class, drawn once and for all."""
    labels = split.labels.numpy()
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        drawn = derive_rng(0, "split", purpose, int(label)).permutation(len(members))[:per_class]
        chosen[members[drawn]] = True
    part, rest = (torch.from_numpy(np.flatnonzero(mask)) for mask in (chosen, ~chosen))
    return split.take(part), split.take(rest)
