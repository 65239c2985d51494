"""Command line: ``python -m tropnnc inspect|compress WEIGHTS --arch … --input …``."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tropnnc.allocation import allocator_names, make_allocator
from tropnnc.compression import compress, inspect
from tropnnc.errors import TropnncError
from tropnnc.files import load_state, load_weights, save_compressed, write_atomic
from tropnnc.methods import make_method, method_names
from tropnnc.protocols import ORDERS
from tropnnc.report import Report
from tropnnc.vision import torchvision

REPORT_FILE = "report.txt"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 with one line on bad input."""
    options = _parser().parse_args(arguments)
    try:
        report = options.run(options)
    except TropnncError as error:
        print(f"tropnnc: {error}", file=sys.stderr)
        return 2
    print(report)
    return 0


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


def _inspect(options: argparse.Namespace) -> Report:
    return inspect(*_network(options), scope=_scope(options.scope))


def _compress(options: argparse.Namespace) -> Report:
    out = Path(options.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TropnncError(f"{out} exists already; name a new or empty folder")
    chosen = _pairs(options.option)
    method = make_method(options.method, **chosen) if chosen else options.method
    widths = _pairs(options.allocator_option)
    allocator = make_allocator(options.allocator, **widths) if widths else options.allocator
    calibration = None if options.calibration is None else _images(options.calibration)
    small, report = compress(
        *_network(options), method=method, ratio=options.ratio, scope=_scope(options.scope),
        order=options.order, allocator=allocator, calibration=calibration, seed=options.seed,
    )  # fmt: skip
    save_compressed(small, out)
    write_atomic(out / REPORT_FILE, f"{report}\n".encode())
    return report


def _network(options: argparse.Namespace) -> tuple[nn.Module, Tensor]:
    """The loaded network and one random input."""
    model = build_model(options.arch, _pairs(options.arch_option)).eval()
    load_state(model, load_weights(options.weights), options.weights)
    generator = torch.Generator().manual_seed(0)
    return model, torch.rand(1, *_shape(options.input), generator=generator)


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise TropnncError(f"input {text!r}: accepted is a shape without batch, such as 3,224,224")
    return shape


def _scope(text: str) -> str | list[str]:
    """``all``, ``linear``, ``conv`` or comma-separated names."""
    return text if text in ("all", "linear", "conv") else text.split(",")


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    """``key=value`` texts; a value is JSON where it parses, text otherwise."""
    pairs: dict[str, Any] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise TropnncError(f"option {text!r}: accepted is key=value")
        try:
            pairs[key] = json.loads(value)
        except json.JSONDecodeError:
            pairs[key] = value
    return pairs


def _images(path: str) -> Tensor:
    """Calibration images from a ``.npy`` file, ``[N, …]`` as the model sees them."""
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False)).float()
    except (OSError, ValueError, TypeError) as error:
        raise TropnncError(f"calibration {path}: not a readable .npy array: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tropnnc", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="inspect|compress")
    shown = commands.add_parser("inspect", help="list units, and layers left alone with the reason")
    _add_network(shown)
    shown.set_defaults(run=_inspect)
    reduced = commands.add_parser("compress", help="write a smaller network to a folder")
    _add_network(reduced)
    names = ", ".join(method_names())
    reduced.add_argument("--method", default="tropnnc", help=f"one of {names} [tropnnc]")
    reduced.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="option of the method"
    )
    reduced.add_argument("--ratio", type=float, default=0.5, help="share of neurons kept [0.5]")
    rules = ", ".join(allocator_names())
    reduced.add_argument("--allocator", default="uniform", help=f"widths: {rules} [uniform]")
    reduced.add_argument(
        "--allocator-option", action="append", default=[], metavar="KEY=VALUE",
        help="option of the allocator, such as budget=macs",
    )  # fmt: skip
    reduced.add_argument("--order", choices=ORDERS, help="order of units [the method's own]")
    reduced.add_argument("--seed", type=int, default=0)
    reduced.add_argument("--calibration", metavar="IMAGES.npy", help="for methods that need images")
    reduced.add_argument("--out", required=True, metavar="DIR", help="a new folder")
    reduced.set_defaults(run=_compress)
    return parser


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS", help=".safetensors or torch.save state dict")
    parser.add_argument("--arch", required=True, help="torchvision:NAME, or package.module:factory")
    parser.add_argument(
        "--arch-option", action="append", default=[], metavar="KEY=VALUE",
        help="argument of the architecture, such as num_classes=10",
    )  # fmt: skip
    parser.add_argument("--input", required=True, help="input shape without batch: 3,224,224")
    parser.add_argument("--scope", default="all", help="all, linear, conv or unit names [all]")
