"""Synthetic images: made from a network's weights, in place of the images it was trained on."""

from tropnnc.imagination.files import load_images, save_images, sheet_path
from tropnnc.imagination.images import Images, imagine
from tropnnc.imagination.leaves import dead_leaves
from tropnnc.imagination.noise import pink_noise
from tropnnc.imagination.origin import Origin, origin_of
from tropnnc.imagination.recipe import Recipe, recipe_for
from tropnnc.imagination.snapshot import Snapshot

__all__ = [
    "Images",
    "Origin",
    "Recipe",
    "Snapshot",
    "dead_leaves",
    "imagine",
    "load_images",
    "origin_of",
    "pink_noise",
    "recipe_for",
    "save_images",
    "sheet_path",
]
