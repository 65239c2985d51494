"""What determines synthetic images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from torch import nn

from tropnnc.errors import TropnncError
from tropnnc.hashing import digest, weights_hash
from tropnnc.imagination.frame import per_channel
from tropnnc.imagination.recipe import Recipe, recipe_for
from tropnnc.unit import Pixels

# Bumped by hand whenever the same origin gives other images.
IMAGES_VERSION = 2


@dataclass(frozen=True)
class Origin:
    """What determines synthetic images.

    Attributes:
        weights: :func:`weights_hash` of the network.
        shape: of one image, ``(channels, height, width)``.
        recipe: how they are made.
        pixels: statistics and range, one value per channel.
        seed: of everything random.
        version: of what makes them.
    """

    weights: str
    shape: tuple[int, int, int]
    recipe: Recipe
    pixels: Pixels
    seed: int
    version: int = IMAGES_VERSION

    @cached_property
    def identity(self) -> str:
        """Hash of it all."""
        return digest(self.determinants())

    def differences(self, other: Origin) -> list[str]:
        """Names of what is not the same in ``other``."""
        pairs = [
            (origin.determinants(), origin.determinants()["recipe"]) for origin in (self, other)
        ]
        (own, own_recipe), (others, others_recipe) = pairs
        names = [name for name in own if name != "recipe" and own[name] != others[name]]
        return names + [name for name in own_recipe if own_recipe[name] != others_recipe[name]]

    def determinants(self) -> dict[str, Any]:
        """Plain JSON values."""
        pixels = {name: list(values) for name, values in asdict(self.pixels).items()}
        return {
            "weights": self.weights,
            "shape": list(self.shape),
            "recipe": self.recipe.determinants(),
            "pixels": pixels,
            "seed": self.seed,
            "version": self.version,
        }


def origin_of(
    model: nn.Module,
    shape: tuple[int, ...],
    recipe: Recipe | None = None,
    pixels: Pixels | None = None,
    seed: int = 0,
) -> Origin:
    """The origin of the images that :func:`imagine` makes of the same arguments.

    Raises:
        TropnncError: ``shape`` is not that of an image, or ``pixels`` do not fit it.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise TropnncError(f"input {shape}: accepted are images (channels, height, width)")
    channels, height, width = shape
    stated = per_channel(pixels or Pixels(), channels)
    weights = weights_hash(model.state_dict())
    recipe = recipe or recipe_for(model, {})
    return Origin(weights, (channels, height, width), recipe, stated, seed)
