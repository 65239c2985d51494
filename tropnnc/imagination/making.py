"""One micro-batch after another, from a snapshot where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from tropnnc.imagination.frame import frame_of
from tropnnc.imagination.leaves import dead_leaves
from tropnnc.imagination.matching import Matching
from tropnnc.imagination.noise import pink_noise
from tropnnc.imagination.objective import BatchNorms, Objective
from tropnnc.imagination.origin import Origin
from tropnnc.imagination.snapshot import Snapshot


class Part(NamedTuple):
    """A finished micro-batch: images ``[b, C, h, w]`` float16, their loss before and after."""

    tensor: Tensor
    before: float
    after: float


def make_parts(
    origin: Origin, objective: Objective, device: torch.device, snapshot: Snapshot | None
) -> list[Part]:
    """All micro-batches of the images of ``origin``, in order."""
    state = None if snapshot is None else snapshot.restore(origin.identity)
    parts = [] if state is None else [Part(*part) for part in state["parts"]]
    begun = None if state is None else state["matching"]
    first = sum(len(part.tensor) for part in parts)
    recipe, frame = origin.recipe, frame_of(origin.pixels, device)
    for start in _beginning(origin, objective).tensor_split(recipe.parts)[len(parts) :]:
        matching = Matching(start.to(device), first, objective, recipe, frame, origin.seed)
        before = matching.value(matching.seen)
        if begun is not None:
            matching.load_state_dict(begun)
            begun = None
        _descend(matching, origin, parts, snapshot)
        rounded = matching.seen.half()
        parts.append(Part(rounded.cpu(), before, matching.value(rounded.float())))
        first += len(start)
    return parts


def _beginning(origin: Origin, objective: Objective) -> Tensor:
    """What all images begin as, standardised."""
    begin = dead_leaves if isinstance(objective, BatchNorms) else pink_noise
    channels, height, width = origin.shape
    return begin(origin.recipe.count, (height, width), channels, origin.seed)


def _descend(
    matching: Matching, origin: Origin, parts: Sequence[Part], snapshot: Snapshot | None
) -> None:
    """Take the steps that are left of one micro-batch."""
    steps, label = origin.recipe.steps, "imagine"
    if origin.recipe.parts > 1:
        label = f"imagine {len(parts) + 1}/{origin.recipe.parts}"
    with tqdm(
        desc=label, total=steps, initial=matching.done, unit="step", leave=False, disable=None
    ) as bar:
        while matching.done < steps:
            matching.step()
            bar.update()
            if snapshot is not None and snapshot.is_due():
                finished = [tuple(part) for part in parts]
                state = {"parts": finished, "matching": matching.state_dict()}
                snapshot.save(origin.identity, state)
