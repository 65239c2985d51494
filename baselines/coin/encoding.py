"""An image becomes the latent that a few steps of gradient descent reach from 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from baselines.coin.siren import ModulatedSiren, grid
from tropnnc.errors import TropnncError

# Points in a batch, whose activations then stay in the cache: 1.5 times faster than 65,536.
POINTS = 1 << 14


def targets(images: Tensor) -> Tensor:
    """Pixels ``[N, H·W, C]`` in ``[0, 1]`` of uint8 ``images [N, C, H, W]``."""
    return images.flatten(2).transpose(1, 2).float() / 255


def errors(model: ModulatedSiren, points: Tensor, pixels: Tensor, latents: Tensor) -> Tensor:
    """Mean squared error ``[B]`` of each image over its points and channels."""
    return (model(points, latents) - pixels).square().flatten(1).mean(dim=1)


def fit_latents(
    model: ModulatedSiren,
    points: Tensor,
    pixels: Tensor,
    steps: int,
    rate: float,
    create_graph: bool = False,
) -> Tensor:
    """Latents ``[B, D]`` after ``steps`` of ``z ← z − rate ∇MSE_i(z)`` from ``z = 0``.

    The sum of the images' errors is what is differentiated, so a latent does not depend on what
    else is in the batch. ``create_graph``: keep the way for a gradient of second order.
    """
    latents = pixels.new_zeros(len(pixels), model.shape.latent).requires_grad_()
    for _ in range(steps):
        loss = errors(model, points, pixels, latents).sum()
        (slope,) = torch.autograd.grad(loss, latents, create_graph=create_graph)
        latents = latents - rate * slope
        if not create_graph:
            latents = latents.detach().requires_grad_()
    return latents


def encode(model: ModulatedSiren, images: Tensor, steps: int, rate: float) -> Tensor:
    """Latents ``[N, D]`` float32 of uint8 ``images [N, C, H, W]``, on the model's device.

    Raises:
        TropnncError: images of another number of channels.
    """
    if images.ndim != 4 or images.shape[1] != model.shape.channels:
        raise TropnncError(
            f"images {tuple(images.shape)} are not accepted; [N, {model.shape.channels}, H, W] are"
        )
    device = model.modulation.weight.device
    points = grid(*images.shape[2:]).to(device)
    parts = [
        fit_latents(model, points, targets(batch.to(device)), steps, rate).detach()
        for batch in _batches(images)
    ]
    return torch.cat(parts)


def decode(model: ModulatedSiren, latents: Tensor, height: int, width: int) -> Tensor:
    """Images uint8 ``[N, C, height, width]``: clamped and rounded to what can be shown."""
    points = grid(height, width).to(latents.device)
    with torch.no_grad():
        chunks = latents.split(max(1, POINTS // len(points)))
        pixels = torch.cat([model(points, chunk) for chunk in chunks])
    rounded = (255 * pixels).round().clamp(0, 255).to(torch.uint8)
    return rounded.transpose(1, 2).unflatten(2, (height, width)).contiguous()


def _batches(images: Tensor) -> Iterator[Tensor]:
    return iter(images.split(max(1, POINTS // images[0, 0].numel())))
