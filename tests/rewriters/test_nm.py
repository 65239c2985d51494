"""N:M: masks by loops and by torch's own sparsifier, the stored form, SR-STE."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.grouping import Axis, Grouping, kept, patterns
from baselines.rewriters.nm import Nm, NmLayer
from baselines.rewriters.protocol import (
    Bits,
    Layer,
    Pattern,
    Rewriter,
    UnsupportedLayer,
)  # fmt: skip
from tests.rewriters.small_layers import images, layer
from tropnnc import TropnncError

TWO_FOUR = Pattern(2, 4)


def stored(own: Layer, pattern: Pattern = TWO_FOUR, rewriter: Nm | None = None) -> NmLayer:
    module = (rewriter or Nm()).rewrite(own, pattern).module
    assert isinstance(module, NmLayer)
    return module


def by_loops(weight: Tensor, axis: Axis, count: int, group: int) -> Tensor:
    """Every group sorted by (magnitude, index), the first M − N of them zeroed."""
    pruned = weight.clone()
    for row in pruned:
        lines: list[list[tuple[int, ...]]]
        if axis == "channel" and row.dim() > 1:
            taps = product(range(row.shape[1]), range(row.shape[2]))
            lines = [[(i, *tap) for i in range(row.shape[0])] for tap in taps]
        else:
            lines = [list(product(*(range(n) for n in row.shape)))]
        for line in lines:
            for start in range(0, len(line), group):
                places = line[start : start + group]
                places.sort(key=lambda place: (abs(float(row[place])), line.index(place)))
                for place in places[: group - count]:
                    row[place] = 0
    return pruned


@pytest.mark.parametrize("axis", ["channel", "flat"])
@pytest.mark.parametrize("name", ["linear", "conv", "grouped", "reflected"])
@pytest.mark.parametrize("pattern", [TWO_FOUR, Pattern(1, 4), Pattern(1, 2)])
def test_the_stored_weight_is_pruned_bit_for_bit(name: str, axis: Axis, pattern: Pattern) -> None:
    own = layer(name)
    with torch.no_grad():
        own.weight.mul_(4).round_().div_(4)  # ties
    module = stored(own, pattern, Nm(axis))
    expected = by_loops(own.weight.detach(), axis, pattern.kept, pattern.group)
    assert torch.equal(module.weight, expected)
    x = images(own)
    with torch.no_grad():
        own.weight.copy_(expected)
    assert torch.equal(module(x), own(x))


def test_of_equal_magnitudes_the_lower_index_goes_first() -> None:
    groups = torch.tensor([[1.0, -1, 1, 1], [2, 1, -2, 1]])
    assert kept(groups, 2).tolist() == [[False, False, True, True], [True, False, True, False]]


@pytest.mark.parametrize("pattern", [TWO_FOUR, Pattern(1, 4)])
@pytest.mark.filterwarnings("ignore")
def test_torchs_sparsifier_prunes_the_same(pattern: Pattern) -> None:
    sparsifiers = pytest.importorskip("torch.ao.pruning")
    own = nn.Linear(32, 12)
    sparse = stored(own, pattern).weight.detach()
    sparsifier = sparsifiers.WeightNormSparsifier(
        1.0, (1, pattern.group), zeros_per_block=pattern.group - pattern.kept
    )
    model = nn.Sequential(own)
    sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
    sparsifier.step()
    sparsifier.squash_mask()
    assert torch.equal(own.weight, sparse)


def test_values_in_order_and_the_number_of_the_pattern() -> None:
    own = nn.Linear(8, 1)
    with torch.no_grad():
        own.weight.copy_(torch.tensor([[4.0, -3, 2, 1, 0, 1, -5, 2]]))
    module = stored(own)
    assert set(module.state_dict()) == {"values", "pattern", "bias"}
    assert module.values.tolist() == [[4, -3], [-5, 2]]
    assert patterns(2, 4).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert module.pattern.tolist() == [0, 5]


# Index bits per weight, packed: relatives.md A3.
@pytest.mark.parametrize(
    ("pattern", "index", "dtype"),
    [
        (Pattern(2, 4), 0.75, torch.uint8),
        (Pattern(1, 4), 0.5, torch.uint8),
        (Pattern(4, 8), 0.875, torch.uint8),
        (Pattern(2, 8), 0.625, torch.uint8),
        (Pattern(8, 16), 0.875, torch.int16),
        (Pattern(4, 4), 0.0, torch.uint8),
    ],
)
def test_bits_per_weight(pattern: Pattern, index: float, dtype: torch.dtype) -> None:
    own = nn.Linear(16, 400)
    rewriter = Nm()
    assert isinstance(rewriter, Rewriter)
    rewritten = rewriter.rewrite(own, pattern)
    assert rewritten.bits / own.weight.numel() == 32 * pattern.kept / pattern.group + index
    pruned = own.weight * kept(own.weight.view(-1, pattern.group), pattern.kept).view_as(own.weight)
    assert isinstance(rewritten.module, NmLayer)
    assert torch.equal(rewritten.module.weight, pruned)
    assert rewritten.module.pattern.dtype == dtype


def test_groups_that_straddle_filters_are_refused() -> None:
    refused: list[tuple[Layer, Axis, int]] = [
        (nn.Linear(300, 4), "channel", 8),
        (nn.Conv2d(3, 4, 3), "channel", 4),
        (nn.Conv2d(3, 4, 7), "flat", 4),
    ]
    for own, axis, group in refused:
        with pytest.raises(UnsupportedLayer, match="straddle"):
            Nm(axis).rewrite(own, Pattern(2, group))
    assert not Grouping((4, 3, 4, 1), 4, "flat").straddles
    assert Grouping((4, 3, 4, 1), 4, "channel").straddles


def test_bad_patterns_and_options() -> None:
    for count, group in ((0, 4), (5, 4), (2, 17)):
        with pytest.raises(TropnncError, match="accepted is 1 ≤ N ≤ M ≤ 16"):
            Nm().rewrite(nn.Linear(17 * 4, 2), Pattern(count, group))
    with pytest.raises(TropnncError, match="unknown axis"):
        Nm("rows")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match=r"decay = -0.1 is out of range"):
        Nm(decay=-0.1)
    with pytest.raises(UnsupportedLayer, match="takes Pattern"):
        Nm().rewrite(nn.Linear(8, 2), Bits(2))


def test_rounding_the_values_to_float16_leaves_the_learner_what_was_pruned() -> None:
    own = layer("conv")
    module = stored(own)
    with torch.no_grad():
        module.values.copy_(module.values.half())
    start = module.learner().weight
    assert torch.equal(start[module.weight != 0], own.weight[module.weight != 0].half().float())
    assert torch.equal(start[module.weight == 0], own.weight[module.weight == 0])
    assert (start[module.weight == 0] != 0).any()
