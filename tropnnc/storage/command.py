"""``python -m tropnnc store WEIGHTS --codec … --out FILE``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tropnnc.errors import TropnncError, check_choice
from tropnnc.files import load_weights, write_atomic
from tropnnc.report import aligned
from tropnnc.storage import Entry, codec_names, entries, store

_WORD = 4  # bytes of a number in the dense float32 file that is compared with
_GROUPS = ("kernels", "matrices", "vectors of integers", "raw")
_HEADER = ("tensors", "", "entries", "fp32 bytes", "bytes", "ratio")


def add_to(commands: Any) -> None:
    """Add the command to argparse's ``commands``."""
    parser = commands.add_parser("store", help="write weights losslessly, in few bytes, to a file")
    parser.add_argument("weights", metavar="WEIGHTS", help="any file of weights")
    names = ", ".join(codec_names())
    parser.add_argument("--codec", default="best", help=f"one of {names} [best]")
    parser.add_argument("--out", required=True, metavar="FILE", help="a new file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> str:
    """Write the file; a table of what it holds."""
    out = Path(options.out)
    check_choice("codec", options.codec, codec_names())
    try:
        if out.exists():
            raise TropnncError(f"{out} exists already; name a new file")
        data = store(load_weights(options.weights), options.codec)
        write_atomic(out, data)
    except OSError as error:
        raise TropnncError(f"{out}: not written: {error.strerror or error}") from error
    return f"{_table(entries(data), len(data))}\n{out}: {len(data):,} bytes, codec {options.codec}"


def _table(listed: Sequence[Entry], size: int) -> str:
    """Bytes by kind of tensor, of the header, and of the file, beside those of dense float32."""
    groups = {group: [e for e in listed if _group(e) == group] for group in _GROUPS}
    rows = [_row(group, found) for group, found in groups.items() if found]
    payload, dense = sum(entry.length for entry in listed), _dense(listed)
    header = ("header", "", "", "", f"{size - payload:,}", "")
    total = ("file", *_row("", listed)[1:4], f"{size:,}", _ratio(dense, size))
    return "\n".join(aligned([_HEADER, *rows, header, total]))


def _row(group: str, listed: Sequence[Entry]) -> tuple[str, ...]:
    count, dense = sum(entry.form.entries for entry in listed), _dense(listed)
    size = sum(entry.length for entry in listed)
    return group, f"{len(listed)}", f"{count:,}", f"{dense:,}", f"{size:,}", _ratio(dense, size)


def _ratio(dense: int, size: int) -> str:
    """How many times smaller than dense float32."""
    return f"{dense / size:.2f}" if size else ""


def _dense(listed: Sequence[Entry]) -> int:
    return _WORD * sum(entry.form.entries for entry in listed)


def _group(entry: Entry) -> str:
    if not entry.form.coded:
        return "raw"
    return {1: "vectors of integers", 2: "matrices"}.get(len(entry.form.shape), "kernels")
