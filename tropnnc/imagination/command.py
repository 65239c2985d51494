"""``python -m tropnnc imagine WEIGHTS --arch … --input … --out FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tropnnc.arguments import add_network, input_shape, load_network, pairs
from tropnnc.errors import TropnncError
from tropnnc.imagination.files import load_images, save_images, sheet_path
from tropnnc.imagination.images import imagine
from tropnnc.imagination.origin import Origin, origin_of
from tropnnc.imagination.recipe import Recipe, recipe_for
from tropnnc.imagination.snapshot import Snapshot
from tropnnc.unit import Pixels


def add_to(commands: Any) -> None:
    """Add the command to argparse's ``commands``."""
    parser = commands.add_parser(
        "imagine", help="make images from the weights, write them to a file"
    )
    add_network(parser)
    recipe, pixels = Recipe(), Pixels()
    parser.add_argument("--count", type=int, help=f"images to be made [{recipe.count}]")
    steps = f"of Adam [{recipe.steps}; more without batch norm]"
    parser.add_argument("--steps", type=int, help=steps)
    parser.add_argument(
        "--batch", type=int, help="images with one loss, if not all fit into memory"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE",
        help="other constants of the recipe: learning_rate, shift, variation, mirrored",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    for name in vars(pixels):
        what = f"pixels as the model sees them, per channel: --{name}=NUMBER,…"
        default = getattr(pixels, name)
        parser.add_argument(f"--{name}", default=str(default), help=f"{what} [{default:g}]")
    parser.add_argument("--force", action="store_true", help="replace a file of other images")
    parser.add_argument("--out", required=True, metavar="FILE", help="images; FILE.png shows them")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> str:
    """Make the images, unless the file holds them already; what to print."""
    out, chosen = Path(options.out), pairs(options.option)
    if out.is_dir():
        raise TropnncError(f"{out} is a folder; accepted is the name of a file")
    pixels = Pixels(**{name: _numbers(name, getattr(options, name)) for name in vars(Pixels())})
    model, shape = load_network(options), input_shape(options.input)
    stated = {"count": options.count, "steps": options.steps, "batch": options.batch}
    recipe = recipe_for(model, {**stated, **chosen})
    origin = origin_of(model, shape, recipe, pixels, options.seed)
    if out.exists() and not options.force and _holds(out, origin):
        return f"{out}: holds these images already ({origin.identity[:12]}); nothing to do"
    snapshot = Snapshot(out.with_name(f"{out.name}.part"))
    images = imagine(model, shape, recipe, pixels, options.seed, snapshot)
    save_images(images, out)
    seconds = snapshot.seconds
    snapshot.discard()
    return (
        f"{out}: {len(images.tensor)} images, {images.source}:"
        f" loss {images.before:.4g} → {images.after:.4g} in {seconds:.0f} s; {sheet_path(out)}"
    )


def _holds(out: Path, origin: Origin) -> bool:
    """Whether the file holds the images of ``origin``.

    Raises:
        TropnncError: it holds anything else.
    """
    try:
        held = load_images(out).origin
    except TropnncError as error:
        raise TropnncError(f"{error}; --force replaces it") from error
    if held != origin:
        different = ", ".join(origin.differences(held))
        raise TropnncError(f"{out}: holds images of other {different}; --force replaces them")
    return True


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        what = "numbers, one or one per channel"
        raise TropnncError(f"{name} {text!r}: accepted are {what}") from None
