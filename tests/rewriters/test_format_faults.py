"""What the tensor formats refuse, each in one line."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.hybrid import Hybrid
from baselines.rewriters.protocol import Bits, Layer, Parameters, UnsupportedLayer
from baselines.rewriters.tensor_ring import TensorRing
from baselines.rewriters.tensor_train import TensorTrain
from tests.rewriters.formats import REWRITERS, made
from tropnnc import TropnncError


@pytest.mark.parametrize("name", REWRITERS)
@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Conv2d(8, 8, 3, groups=2), "2 groups"),
        (nn.Conv2d(8, 8, 3, padding="same"), "padding"),
        (nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), "padding"),
        (nn.ConvTranspose2d(8, 8, 3), "ConvTranspose2d"),
        (nn.Linear(8, 8), "ranks of one take .* the budget is 6"),
    ],
)
def test_what_has_no_such_form(name: str, layer: Layer, reason: str) -> None:
    with pytest.raises(UnsupportedLayer, match=reason):
        REWRITERS[name].rewrite(layer, Parameters(6))


@pytest.mark.parametrize("name", REWRITERS)
def test_only_a_number_of_parameters_is_a_budget(name: str) -> None:
    with pytest.raises(TropnncError, match=r"accepted is Parameters\(count\)"):
        REWRITERS[name].rewrite(made("linear"), Bits(4))


@pytest.mark.parametrize("kind", ["linear", "stride"])
@pytest.mark.parametrize("entry", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", REWRITERS)
def test_weights_that_are_not_finite(name: str, entry: float, kind: str) -> None:
    """LAPACK's own words would be a traceback."""
    layer = made(kind)
    with torch.no_grad():
        layer.weight.view(-1)[5] = entry
    with pytest.raises(TropnncError, match="the weight has NaN or infinite entries"):
        REWRITERS[name].rewrite(layer, Parameters(200))


@pytest.mark.parametrize("kind", [TensorTrain, HierarchicalTucker, TensorRing])
def test_factors_that_are_not_of_their_number(
    kind: type[TensorTrain] | type[HierarchicalTucker] | type[TensorRing],
) -> None:
    for factors, spelt in (((7, 4), "7 × 4"), ((-5, -6), "-5 × -6"), ((), "nothing")):
        with pytest.raises(TropnncError, match=f"{spelt} is not 30"):
            kind(shapes={30: factors})


def test_options_of_a_train() -> None:
    with pytest.raises(TropnncError, match="accepted are split, merged"):
        TensorTrain("mixed")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="accepted are 2 and more"):
        TensorTrain("merged", 1)


def test_parts_of_a_hybrid_are_formats() -> None:
    with pytest.raises(TropnncError, match=r"kernels = .* is not accepted, a TensorTrain is"):
        Hybrid(kernels={"parts": 3})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="matrices = None is not accepted, a Hierarchical"):
        Hybrid(matrices=None)  # pyright: ignore[reportArgumentType]
