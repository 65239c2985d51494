"""What synthetic images are to do to a network: the two things that a weights file knows.

Batch norms remember the statistics of the training images (ZeroQ, Cai et al. 2020; DeepInversion,
Yin et al. 2020). A network without them still knows its classes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tropnnc.errors import TropnncError, check_finite
from tropnnc.imagination.moments import BatchNorm, mismatch


class Objective(Protocol):
    """A loss of images, and where they come from.

    Its attributes are read only.
    """

    @property
    def source(self) -> str:
        """What the images begin as, and what is minimised, in one line."""
        ...

    @property
    def mirrors(self) -> bool:
        """Whether a mirrored image is as good."""
        ...

    def __call__(self, images: Tensor, first: int) -> Tensor:
        """The loss of ``images``, the ``first`` of which has this index among all of them."""
        ...


@dataclass(frozen=True, eq=False)
class Frozen:
    """A copy of a network in evaluation mode, without gradients of its own.

    Attributes:
        module: the copy.
        layout: of its input in memory.
    """

    module: nn.Module
    layout: torch.memory_format

    def __call__(self, images: Tensor) -> Tensor:
        """The output for ``images``, in whatever precision the weights have."""
        dtype = next((p.dtype for p in self.module.parameters()), images.dtype)
        return self.module(images.to(dtype).contiguous(memory_format=self.layout))


class BatchNorms:
    """Mean over batch norms, as often as each is called, of their :func:`mismatch`."""

    mirrors = True

    def __init__(self, network: Frozen) -> None:
        norms = batch_norms(network.module)
        self.source = f"dead leaves matched to {len(norms)} batch norms"
        self._network = network
        self._terms: list[Tensor] = []
        for norm in norms:
            norm.register_forward_pre_hook(partial(self._listen, norm))

    def __call__(self, images: Tensor, first: int) -> Tensor:
        """One forward pass; ``first`` does not matter."""
        self._network(images)
        terms, self._terms = self._terms, []
        if not terms:
            raise TropnncError("the forward pass reaches none of the network's batch norms")
        return torch.stack(terms).mean()

    def _listen(self, norm: BatchNorm, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._terms.append(mismatch(inputs[0], norm))


class Labels:
    """Cross-entropy to balanced labels: image ``i`` is to be of class ``i mod classes``.

    A single logit counts as two classes.
    """

    source = "1/f noise driven to balanced labels"
    mirrors = False

    def __init__(self, network: Frozen) -> None:
        self._network = network

    def __call__(self, images: Tensor, first: int) -> Tensor:
        """One forward pass."""
        logits = self._network(images)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise TropnncError("without batch norm, accepted are networks that return [N, classes]")
        index = torch.arange(first, first + len(images), device=logits.device)
        classes = logits.shape[1]
        if classes == 1:
            return F.binary_cross_entropy_with_logits(logits[:, 0], (index % 2).to(logits.dtype))
        return F.cross_entropy(logits, index % classes)


def objective_of(model: nn.Module, shape: tuple[int, ...]) -> Objective:
    """The objective of ``model`` on images of ``shape``; the model itself is left alone.

    Raises:
        TropnncError: weights that are not finite, or a model that does not run on ``shape``.
    """
    check_finite(model.state_dict())
    module = copy.deepcopy(model).eval().requires_grad_(False)
    network = Frozen(module, _layout(module, shape))
    return BatchNorms(network) if batch_norms(module) else Labels(network)


def _layout(module: nn.Module, shape: tuple[int, ...]) -> torch.memory_format:
    """Channels last, a fifth faster on CPUs, unless the network has a ``view`` that refuses it."""
    place = next((p.device for p in module.parameters()), None)
    reason: Exception | None = None
    for layout in (torch.channels_last, torch.contiguous_format):
        try:
            with torch.no_grad():
                Frozen(module, layout)(torch.zeros(2, *shape, device=place))
            return layout
        except Exception as error:  # whatever a stranger's forward pass raises
            reason = error
    said = str(reason).strip().partition("\n")[0]
    raise TropnncError(f"the model does not run on an input of {(2, *shape)}: {said}") from reason


def batch_norms(network: nn.Module) -> list[BatchNorm]:
    """Batch norms that remember statistics."""
    norms = (module for module in network.modules() if isinstance(module, BatchNorm))
    return [norm for norm in norms if norm.running_mean is not None]
