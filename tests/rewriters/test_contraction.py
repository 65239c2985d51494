"""Contraction orders: einsum's result, no order of fewer multiply-adds, and those executed."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from baselines.rewriters.contracted import ContractedLinear, Network
from baselines.rewriters.contraction import Sizes, cheapest, contract
from baselines.rewriters.execution import multiply_adds

DENSE = 300 * 784
SPLIT = (("ar", "rbs", "sct", "td"), "ab", "cd")
MERGED = (("acr", "rbd"), "ab", "cd")
MERGED_THREE = (("adr", "rbes", "scf"), "abc", "def")
MERGED_RING = (("rads", "sbet", "tcfr"), "abc", "def")
HIERARCHICAL = (("aer", "bfs", "cgt", "dhu", "rsv", "tuw", "vw"), "abcd", "efgh")
SIZES = {"a": 15, "b": 20, "c": 28, "d": 28}
SIZES_FOUR = dict(zip("abcdefgh", (3, 4, 5, 5, 4, 7, 4, 7), strict=True))
SIZES_THREE = {"a": 6, "b": 5, "c": 10, "d": 7, "e": 8, "f": 14}


def least_by_trying(operands: tuple[str, ...], output: str, length: dict[str, int]) -> int:
    """Of all pairwise orders, one after another."""
    if len(operands) == 1:
        return 0
    costs = []
    for pair in combinations(range(len(operands)), 2):
        rest = tuple(name for k, name in enumerate(operands) if k not in pair)
        letters = set(operands[pair[0]]) | set(operands[pair[1]])
        kept = "".join(sorted(letters & set(output).union(*rest)))
        cost = 1
        for letter in letters:
            cost *= length[letter]
        costs.append(cost + least_by_trying((*rest, kept), output, length))
    return min(costs)


@pytest.mark.parametrize(
    ("operands", "output"),
    [
        (("Zcd", "ar", "rbs", "sct", "td"), "Zab"),
        (("Zcd", "acr", "rbd"), "Zab"),
        (("ka", "kb", "kc"), "abc"),
        (("ab", "bc", "ca"), ""),
        (("ab",), "ba"),
    ],
)
def test_the_order_is_the_cheapest_and_the_result_einsums(
    operands: tuple[str, ...], output: str
) -> None:
    generator = torch.Generator().manual_seed(0)
    length = {letter: 2 + k % 4 for k, letter in enumerate(sorted(set("".join(operands))))}
    tensors = [
        torch.randn([length[c] for c in name], generator=generator, dtype=torch.float64)
        for name in operands
    ]
    expected = torch.einsum(f"{','.join(operands)}->{output}", *tensors)
    torch.testing.assert_close(contract(operands, output, tensors), expected)
    lengths: Sizes = tuple(sorted(length.items()))
    assert cheapest(operands, output, lengths).macs == least_by_trying(operands, output, length)


# relatives.md B.6: multiply-adds in units of the dense layer's at batches of 1 and 64.
@pytest.mark.parametrize(
    ("format_", "length", "ranks", "ratios"),
    [
        ((("ri", "or"), "o", "i"), {"i": 784, "o": 300}, (108,), (0.50, 0.50)),
        (SPLIT, SIZES, (15, 107, 28), (0.61, 0.61)),
        (SPLIT, SIZES, (15, 53, 28), (0.36, 0.34)),
        (MERGED, SIZES, (120,), (10.3, 2.9)),
        (MERGED, SIZES, (60,), (5.1, 1.9)),
        (MERGED, SIZES, (8,), (0.69, 0.69)),
        (MERGED_THREE, SIZES_THREE, (42, 63), (25.5, 2.3)),
        (MERGED_THREE, SIZES_THREE, (42, 31), (12.5, 1.6)),
        (MERGED_RING, SIZES_THREE, (2, 21, 103), (52, 3.3)),
        (HIERARCHICAL, SIZES_FOUR, (12, 28, 20, 35, 101, 101), (45, 3.2)),
        (HIERARCHICAL, SIZES_FOUR, (4, 4, 4, 4, 8, 8), (0.51, 0.49)),
    ],
)
def test_executed_multiply_adds_of_a_layer_of_300_by_784(
    format_: tuple[tuple[str, ...], str, str],
    length: dict[str, int],
    ranks: tuple[int, ...],
    ratios: tuple[float, float],
) -> None:
    network = Network(*format_)
    length = {**length, **dict(zip("rstuvw", ranks, strict=False))}
    cores = [torch.zeros([length[c] for c in name]) for name in network.cores]
    module = ContractedLinear(cores, network, torch.zeros(300))
    for batch, ratio in zip((1, 64), ratios, strict=True):
        macs = multiply_adds(module, (batch, 784))  # what torch counts, not what was planned
        tolerance = 0.5 if ratio > 40 else 0.05 if ratio > 1 else 0.005  # the digits given
        assert macs / DENSE == pytest.approx(ratio, abs=tolerance)


def test_split_train_contracts_the_last_input_first() -> None:
    """relatives.md B.1's sum, at ranks where no other order is cheaper."""
    r1, r2, r3 = 15, 107, 28
    lengths: Sizes = tuple(sorted({**SIZES, "Z": 1, "r": r1, "s": r2, "t": r3}.items()))
    plan = cheapest(("Zcd", *SPLIT[0]), "Zab", lengths)
    assert plan.macs == 28 * 28 * r3 + 28 * r3 * r2 + r2 * 20 * r1 + 15 * 20 * r1
