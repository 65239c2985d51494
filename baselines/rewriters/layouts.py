"""The cores of a tensor train as a layer: a contracted matrix, or convolutions in turn."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase

from torch import Tensor, nn

from baselines.rewriters.contracted import ContractedConv, ContractedLinear, Network
from baselines.rewriters.geometry import POINT, Geometry


def split_linear(layer: nn.Linear, cores: Sequence[Tensor], rows: int) -> ContractedLinear:
    """Cores of (o₁, …, o_p, i₁, …, i_q), of which ``rows`` are the output's."""
    tensors, names, letters = _named(cores, [(core.shape[1],) for core in cores])
    together = "".join(letters)
    network = Network(names, together[:rows], together[rows:])
    return ContractedLinear(tensors, network, layer.bias)


def merged_linear(
    layer: nn.Linear, cores: Sequence[Tensor], rows: Sequence[int], columns: Sequence[int]
) -> ContractedLinear:
    """Cores of (m₁n₁, …, m_d n_d)."""
    tensors, names, letters = _named(cores, list(zip(rows, columns, strict=True)))
    network = Network(names, "".join(m for m, _ in letters), "".join(n for _, n in letters))
    return ContractedLinear(tensors, network, layer.bias)


def tensorised_conv(
    layer: nn.Conv2d, cores: Sequence[Tensor], rows: Sequence[int], columns: Sequence[int]
) -> ContractedConv:
    """Cores of (kh·kw, c₁o₁, …, c_d o_d): the kernel is rebuilt, no order of convolutions is it."""
    pairs = list(zip(columns, rows, strict=True))
    tensors, names, letters = _named(cores, [(cores[0].shape[1],), *pairs])
    kernel, *channels = letters
    network = Network(
        names, "".join(o for _, o in channels), "".join(c for c, _ in channels) + kernel
    )
    return ContractedConv(tensors, network, layer.bias, layer.weight.shape, Geometry.of(layer))


def chain_conv(layer: nn.Conv2d, cores: Sequence[Tensor]) -> ContractedConv:
    """Cores of (C, kh, kw, O), without the directions along which the kernel is one wide."""
    directions = wide(layer)
    ranks = ascii_uppercase[: len(cores) - 1]
    tensors, names = [cores[0][0].T[:, :, None, None]], [f"{ranks[0]}cxy"]
    for core, name, before, after in zip(cores[1:], directions, ranks, ranks[1:], strict=False):
        tensors.append(core.permute(2, 0, 1).unsqueeze(3 if name == "h" else 2))
        names.append(f"{after}{before}hx" if name == "h" else f"{after}{before}xw")
    tensors.append(cores[-1][:, :, 0].T[:, :, None, None])
    names.append(f"o{ranks[-1]}xy")
    network = Network(tuple(names), "o", f"c{directions}")
    whole = Geometry.of(layer)
    return ContractedConv(
        tensors, network, layer.bias, layer.weight.shape, whole, _stages(whole, directions)
    )


def wide(layer: nn.Conv2d) -> str:
    """The directions along which the kernel spans more than one: of ``h`` and ``w``."""
    return "".join(name for name, k in zip("hw", layer.kernel_size, strict=True) if k > 1)


def _stages(whole: Geometry, directions: str) -> tuple[Geometry, ...]:
    """By whose convolutions a chain strides and pads."""
    if not directions:
        return whole, POINT
    between = (whole.vertical, whole.horizontal) if len(directions) == 2 else (whole,)
    return (POINT, *between, POINT)


def _named(
    cores: Sequence[Tensor], sizes: Sequence[Sequence[int]]
) -> tuple[list[Tensor], tuple[str, ...], list[str]]:
    """Cores ``r × (∏ sizes) × r'`` taken apart, their letters, and those of their modes alone.

    The outer ranks, which are one, are dropped.
    """
    tensors, names, letters, used = [], [], [], 0
    ranks = ["", *ascii_uppercase[: len(cores) - 1], ""]
    for k, (core, lengths) in enumerate(zip(cores, sizes, strict=True)):
        left = core.shape[:1] if k else ()
        right = core.shape[2:] if k < len(cores) - 1 else ()
        letters.append(ascii_lowercase[used : used + len(lengths)])
        used += len(lengths)
        tensors.append(core.reshape(*left, *lengths, *right))
        names.append(ranks[k] + letters[-1] + ranks[k + 1])
    return tensors, tuple(names), letters
