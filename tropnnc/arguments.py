"""What the commands of the command line share: a network from a file, and named options."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from torch import nn

from tropnnc.errors import TropnncError
from tropnnc.files import load_state, load_weights
from tropnnc.vision import torchvision


def add_network(parser: argparse.ArgumentParser) -> None:
    """Let ``parser`` take the weights, the architecture and its input."""
    parser.add_argument(
        "weights", metavar="WEIGHTS", help=".safetensors, torch.save or a stored file"
    )
    parser.add_argument("--arch", required=True, help="torchvision:NAME, or package.module:factory")
    parser.add_argument(
        "--arch-option", action="append", default=[], metavar="KEY=VALUE",
        help="argument of the architecture, such as num_classes=10",
    )  # fmt: skip
    parser.add_argument("--input", required=True, help="input shape without batch: 3,224,224")


def load_network(options: argparse.Namespace) -> nn.Module:
    """The network that the options of :func:`add_network` name, in evaluation mode."""
    model = build_model(options.arch, pairs(options.arch_option)).eval()
    load_state(model, load_weights(options.weights), options.weights)
    return model


def input_shape(text: str) -> tuple[int, ...]:
    """Comma-separated sizes, without the batch."""
    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise TropnncError(f"input {text!r}: accepted is a shape without batch, such as 3,224,224")
    return shape


def pairs(texts: Sequence[str]) -> dict[str, Any]:
    """``key=value`` texts; a value is JSON where it parses, text otherwise."""
    named: dict[str, Any] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise TropnncError(f"option {text!r}: accepted is key=value")
        try:
            named[key] = json.loads(value)
        except json.JSONDecodeError:
            named[key] = value
    return named


def build_model(arch: str, arguments: dict[str, Any]) -> nn.Module:
    """The network ``torchvision:NAME`` or ``package.module:factory``, with random weights.

    Raises:
        TropnncError: it cannot be found, or does not take ``arguments``.
    """
    module_name, separator, name = arch.partition(":")
    if not separator:
        raise TropnncError(f"arch {arch!r}: accepted are torchvision:NAME, package.module:factory")
    try:
        if module_name == "torchvision":
            return torchvision().models.get_model(name, weights=None, **arguments)
        model = getattr(_user_module(module_name), name)(**arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise TropnncError(f"arch {arch}: {error}") from error
    if not isinstance(model, nn.Module):
        raise TropnncError(f"arch {arch} returns {type(model).__name__}, not a torch.nn.Module")
    return model


def _user_module(name: str) -> Any:
    """A module importable from where the command runs."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    return importlib.import_module(name)
