"""Run a network on shapes alone: its tensors have no memory, its layers compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode


def run_on_meta(module: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """``module(*inputs)`` on torch's meta device; ``module`` stays where and what it is.

    A module that asks for a value, or has tensors that are no parameters or buffers, raises
    whatever it raises.
    """
    tensors, shapes = dict(_on_meta(module)), tuple(x.to("meta") for x in inputs)
    with _ShapesOfNorms():
        return functional_call(module, tensors, shapes)


def _on_meta(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        yield name, torch.empty_like(tensor, device="meta")


class _ShapesOfNorms(TorchFunctionMode):
    """Batch norm returns what it was given: torch takes milliseconds to find its shape."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """``F.batch_norm(input, mean, …)`` of as many channels as there are means."""
        if func is F.batch_norm and args[1] is not None and len(args[1]) == args[0].shape[1]:
            return args[0]
        return func(*args, **(kwargs or {}))
