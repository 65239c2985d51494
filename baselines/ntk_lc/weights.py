"""Hidden weights of random networks: drawn, never trained, the same again from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tropnnc.errors import TropnncError, check_choice
from tropnnc.seeding import derive_rng

Kind = Literal["gaussian", "ternary", "zeroed", "pruned"]
KINDS: tuple[Kind, ...] = ("gaussian", "ternary", "zeroed", "pruned")


@dataclass(frozen=True)
class WeightLaw:
    """How hidden weights are drawn.

    Attributes:
        kind: ``gaussian``: N(0, 1). ``ternary``: 0 or ±1/√(1 − sparsity). ``zeroed``: Gaussian, of
            which randomly chosen ones are 0. ``pruned``: Gaussian, of which the smallest are 0.
        sparsity: share of zeros of a layer, exact up to rounding.
    """

    kind: Kind
    sparsity: float = 0.0

    def __post_init__(self) -> None:
        check_choice("weights", self.kind, KINDS)
        if not 0 <= self.sparsity < 1:
            raise TropnncError(f"sparsity = {self.sparsity} is not accepted; 0 ≤ sparsity < 1 is")
        if self.kind == "gaussian" and self.sparsity:
            raise TropnncError("gaussian weights have no zeros; accepted are zeroed and pruned")

    @property
    def scale(self) -> float:
        """What the drawn numbers are multiplied by: unit variance for ternary weights."""
        return (1 - self.sparsity) ** -0.5 if self.kind == "ternary" else 1.0

    def zeros(self, count: int) -> int:
        """Zeros among ``count`` weights."""
        return int(np.floor(self.sparsity * count + 0.5))


def draw_weights(law: WeightLaw, rows: int, columns: int, seed: int, layer: int) -> Tensor:
    """Numbers ``[rows, columns]`` of layer ``layer``: int8 for ternary weights, else float32.

    They are ``law.scale`` times smaller than the weights. Zeroed and pruned weights are the
    Gaussian ones of the same seed where they are not 0.
    """
    family = ("ternary", f"{law.sparsity:g}") if law.kind == "ternary" else ("gaussian",)
    rng = derive_rng(seed, "ntk_lc weights", *family, layer, rows, columns)
    count = rows * columns
    if law.kind == "ternary":
        flat = _ternary(count, law.zeros(count), rng)
    else:
        flat = rng.standard_normal(count, dtype=np.float32)
        if law.kind == "zeroed":
            flat[rng.choice(count, law.zeros(count), replace=False, shuffle=False)] = 0
        elif law.kind == "pruned":
            flat[np.argpartition(np.abs(flat), law.zeros(count) - 1)[: law.zeros(count)]] = 0
    return torch.from_numpy(flat.reshape(rows, columns))


def _ternary(count: int, zeros: int, rng: np.random.Generator) -> np.ndarray:
    """Exactly so many zeros, and of both signs as many; a coin decides on an odd one."""
    signs = count - zeros
    places = rng.choice(count, signs, replace=False)
    half = (signs + int(rng.integers(2))) // 2
    flat = np.zeros(count, dtype=np.int8)
    flat[places[:half]] = 1
    flat[places[half:]] = -1
    return flat


def second_moment(law: WeightLaw, numbers: Tensor) -> float:
    """Mean of the squared weights: 1 in expectation unless Gaussian ones were zeroed."""
    if law.kind in ("gaussian", "ternary"):
        return 1.0
    return float(numbers.square().mean(dtype=torch.float64))
