"""Layers that hold cores and execute them, or the weight rebuilt where that takes less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from baselines.rewriters.contraction import cheapest, contract, sizes
from baselines.rewriters.geometry import Geometry

BATCH = "Z"  # the index of the samples: cores must not use it


@dataclass(frozen=True)
class Network:
    """Whose contraction is a weight.

    Attributes:
        cores: one letter per dimension of every core, equal letters are summed over.
        rows: letters of the output's modes.
        columns: letters of the input's modes, of a kernel's size last.
    """

    cores: tuple[str, ...]
    rows: str
    columns: str

    @property
    def weight(self) -> str:
        """Letters of the rebuilt weight."""
        return self.rows + self.columns


class ContractedLinear(nn.Module):
    """A linear map whose weight is a network of cores.

    Forward contracts the input with the cores in the order of the fewest multiply-adds for its
    number of rows, rebuilding the weight included.

    Args:
        cores: floats, as the network names their dimensions.
        network: of the cores.
        bias: of as many entries as the output has, or None.
    """

    def __init__(self, cores: Sequence[Tensor], network: Network, bias: Tensor | None) -> None:
        super().__init__()
        self.cores, self.bias = as_parameters(cores), as_parameter(bias)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (…, inputs) to (…, outputs)."""
        cores, names = list(self.cores), self.network
        length = dict(sizes(names.cores, cores))
        modes = x.reshape(-1, *(length[c] for c in names.columns))
        operands = (BATCH + names.columns, *names.cores)
        y = contract(operands, BATCH + names.rows, [modes, *cores])
        y = y.reshape(*x.shape[:-1], prod(length[c] for c in names.rows))
        return y if self.bias is None else y + self.bias

    def rebuilt(self) -> Tensor:
        """The weight, (outputs, inputs)."""
        weight = contract(self.network.cores, self.network.weight, list(self.cores))
        return weight.flatten(len(self.network.rows)).flatten(0, -2)


class ContractedConv(nn.Module):
    """A convolution whose kernel is a network of cores.

    Args:
        cores: floats, as the network names their dimensions.
        network: of the cores; contracted and reshaped it is the kernel.
        bias: of as many entries as the output has channels, or None.
        kernel: shape O × C × kh × kw.
        geometry: stride, padding and dilation of the whole.
        stages: where every core is a kernel itself, what each convolves by, in this order; None
            where the kernel has to be rebuilt.
    """

    def __init__(
        self,
        cores: Sequence[Tensor],
        network: Network,
        bias: Tensor | None,
        kernel: Sequence[int],
        geometry: Geometry,
        stages: Sequence[Geometry] | None = None,
    ) -> None:
        super().__init__()
        self.cores, self.bias = as_parameters(cores), as_parameter(bias)
        self.network, self.kernel, self.geometry = network, tuple(kernel), geometry
        self.stages = None if stages is None else tuple(stages)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (batch, C, height, width), by whichever way takes fewer multiply-adds."""
        if self.stages is None or self._rebuilding(x) < self._in_turn(x, self.stages):
            return self.geometry.convolve(x, self.rebuilt(), self.bias)
        biases = [None] * (len(self.stages) - 1) + [self.bias]
        for core, stage, bias in zip(self.cores, self.stages, biases, strict=True):
            x = stage.convolve(x, core, bias)
        return x

    def rebuilt(self) -> Tensor:
        """The kernel."""
        names = self.network
        return contract(names.cores, names.weight, list(self.cores)).reshape(self.kernel)

    def _rebuilding(self, x: Tensor) -> int:
        names = self.network
        plan = cheapest(names.cores, names.weight, sizes(names.cores, list(self.cores)))
        return plan.macs + self.geometry.macs(x.shape, self.kernel)

    def _in_turn(self, x: Tensor, stages: Sequence[Geometry]) -> int:
        macs, shape = 0, tuple(x.shape)
        for core, stage in zip(self.cores, stages, strict=True):
            macs += stage.macs(shape, tuple(core.shape))
            shape = stage.out(shape, tuple(core.shape))
        return macs


Contracted = ContractedLinear | ContractedConv


def as_parameters(cores: Sequence[Tensor]) -> nn.ParameterList:
    """Trainable copies, ``cores.0``, ``cores.1``, … of a state."""
    return nn.ParameterList([nn.Parameter(core.detach().contiguous().clone()) for core in cores])


def as_parameter(bias: Tensor | None) -> nn.Parameter | None:
    """A trainable copy."""
    return None if bias is None else nn.Parameter(bias.detach().clone())
