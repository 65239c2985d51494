"""Symbolic trace of a module, with the shape of every tensor."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, fx, nn

from tropnnc.errors import TropnncError
from tropnnc.graph.meta import run_on_meta

Example = Tensor | tuple[Tensor, ...]
_TORCH = Path(torch.__file__).parent
_SHAPE = "shape"


def as_inputs(example: Example) -> tuple[Tensor, ...]:
    """The positional arguments of the forward pass."""
    return (example,) if isinstance(example, Tensor) else tuple(example)


def trace(model: nn.Module, example: Example) -> fx.GraphModule:
    """Trace ``model`` (in evaluation mode) and record shapes from ``example``.

    Raises:
        TropnncError: the model cannot be traced, naming the line; or it does not run on
            ``example``.
    """
    try:
        traced = fx.symbolic_trace(model)
    except Exception as error:
        where = _user_line(error.__traceback__)
        reason = _first_line(error)
        raise TropnncError(f"torch.fx cannot trace the model at {where}: {reason}") from error
    try:
        with torch.no_grad():
            _record_shapes(traced, as_inputs(example))
    except Exception as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in as_inputs(example))
        reason = _first_line(error)
        raise TropnncError(f"the model does not run on an input of {shapes}: {reason}") from error
    return traced


def shape(node: fx.Node) -> tuple[int, ...] | None:
    """Shape of the tensor at ``node``; ``None`` where it is not a tensor."""
    return node.meta.get(_SHAPE)


def _record_shapes(traced: fx.GraphModule, inputs: tuple[Tensor, ...]) -> None:
    """From a pass over shapes, or over numbers where the model asks for some."""
    try:
        run_on_meta(_Recorded(traced), inputs)
    except Exception:
        _ShapeRecorder(traced).run(*inputs)


class _Recorded(nn.Module):
    """A traced network that notes shapes as it runs."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__()
        self.traced = traced

    def forward(self, *inputs: Tensor) -> Any:
        """Run the graph."""
        return _ShapeRecorder(self.traced).run(*inputs)


class _ShapeRecorder(fx.Interpreter):
    """Runs the graph and notes the shape of every tensor (torch's own prints tracebacks)."""

    def run_node(self, n: fx.Node) -> Any:
        """Run one node."""
        result = super().run_node(n)
        if isinstance(result, Tensor):
            n.meta[_SHAPE] = tuple(result.shape)
        return result


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
