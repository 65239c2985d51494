"""Symbolic trace of a module, with the shapes of its tensors and its multiply-adds."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from tropnnc.errors import TropnncError
from tropnnc.graph.meta import run_on_meta
from tropnnc.graph.operations import classify

Example = Tensor | tuple[Tensor, ...]
_TORCH = Path(torch.__file__).parent
_SHAPE, _MACS = "shape", "macs"


def as_inputs(example: Example) -> tuple[Tensor, ...]:
    """The positional arguments of the forward pass."""
    return (example,) if isinstance(example, Tensor) else tuple(example)


def trace(model: nn.Module, example: Example) -> fx.Graph:
    """Trace ``model`` (in evaluation mode) and record what one pass over ``example`` tells.

    Raises:
        TropnncError: the model cannot be traced, naming the line; or it does not run on
            ``example``.
    """
    try:
        graph = fx.Tracer().trace(model)
    except Exception as error:
        where = _user_line(error.__traceback__)
        reason = _first_line(error)
        raise TropnncError(f"torch.fx cannot trace the model at {where}: {reason}") from error
    try:
        with torch.no_grad():
            _record(model, graph, as_inputs(example))
    except Exception as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in as_inputs(example))
        reason = _first_line(error)
        raise TropnncError(f"the model does not run on an input of {shapes}: {reason}") from error
    return graph


def shape(node: fx.Node) -> tuple[int, ...] | None:
    """Shape of the tensor at ``node``; ``None`` where it is not a tensor."""
    return node.meta.get(_SHAPE)


def macs(node: fx.Node) -> int:
    """Multiply-adds of ``node`` on the whole example."""
    return node.meta[_MACS]


def _record(model: nn.Module, graph: fx.Graph, inputs: tuple[Tensor, ...]) -> None:
    """From a pass over shapes, or over numbers where the model asks for some."""
    try:
        run_on_meta(_Recorded(model, graph), inputs)
    except Exception:
        _Recorder(model, graph=graph).run(*inputs)


class _Recorded(nn.Module):
    """A traced network that takes notes as it runs."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__()
        self.model, self.graph = model, graph

    def forward(self, *inputs: Tensor) -> Any:
        """Run the graph."""
        return _Recorder(self.model, graph=self.graph).run(*inputs)


class _Recorder(fx.Interpreter):
    """Runs the graph and notes shapes (torch's own prints tracebacks) and multiply-adds.

    Each weight of a layer is used once at every place of its output; what is not known to multiply
    nothing is counted by torch, which takes several times as long as running it.
    """

    def run_node(self, n: fx.Node) -> Any:
        """Run one node."""
        kind = classify(n, self.submodules).kind
        if kind == "other" and n.op.startswith("call"):
            with FlopCounterMode(display=False) as counter:
                result = super().run_node(n)
            n.meta[_MACS] = counter.get_total_flops() // 2
        else:
            result = super().run_node(n)
            n.meta[_MACS] = self._of_layer(n, result) if kind == "layer" else 0
        if isinstance(result, Tensor):
            n.meta[_SHAPE] = tuple(result.shape)
        return result

    def _of_layer(self, n: fx.Node, output: Tensor) -> int:
        module = self.submodules[str(n.target)]
        assert isinstance(module, nn.Linear | nn.Conv2d)
        weight = module.weight
        return weight.numel() * (output.numel() // len(weight))


def _user_line(trace_back: TracebackType | None) -> str:
    """The innermost line outside of torch, as ``file:line: code``."""
    frames = traceback.extract_tb(trace_back)
    own = [f for f in frames if _TORCH not in Path(f.filename).parents and f.filename != __file__]
    if not own:
        return "an unknown line"
    last = own[-1]
    return f"{last.filename}:{last.lineno}: {last.line}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
