"""Command line: ``python -m tropnnc inspect|compress|imagine|store WEIGHTS …``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tropnnc.allocation import allocator_names, make_allocator
from tropnnc.arguments import add_network, input_shape, load_network, pairs
from tropnnc.compression import compress, inspect
from tropnnc.errors import TropnncError
from tropnnc.files import save_compressed, write_atomic
from tropnnc.imagination import command as imagine_command
from tropnnc.methods import make_method, method_names
from tropnnc.protocols import ORDERS
from tropnnc.report import Report
from tropnnc.storage import command as store_command

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


def _inspect(options: argparse.Namespace) -> Report:
    return inspect(*_network(options), scope=_scope(options.scope))


def _compress(options: argparse.Namespace) -> Report:
    out = Path(options.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TropnncError(f"{out} exists already; name a new or empty folder")
    chosen = pairs(options.option)
    method = make_method(options.method, **chosen) if chosen else options.method
    widths = pairs(options.allocator_option)
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
    generator = torch.Generator().manual_seed(0)
    return load_network(options), torch.rand(1, *input_shape(options.input), generator=generator)


def _scope(text: str) -> str | list[str]:
    """``all``, ``linear``, ``conv`` or comma-separated names."""
    return text if text in ("all", "linear", "conv") else text.split(",")


def _images(path: str) -> Tensor:
    """Calibration images from a ``.npy`` file, ``[N, …]`` as the model sees them."""
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False)).float()
    except (OSError, ValueError, TypeError) as error:
        raise TropnncError(f"calibration {path}: not a readable .npy array: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tropnnc", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="inspect|compress|imagine|store")
    shown = commands.add_parser("inspect", help="list units, and layers left alone with the reason")
    _add_units(shown)
    shown.set_defaults(run=_inspect)
    reduced = commands.add_parser("compress", help="write a smaller network to a folder")
    _add_units(reduced)
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
    imagine_command.add_to(commands)
    store_command.add_to(commands)
    return parser


def _add_units(parser: argparse.ArgumentParser) -> None:
    add_network(parser)
    parser.add_argument("--scope", default="all", help="all, linear, conv or unit names [all]")
