"""torchvision's classifiers, without weights or with random ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tropnnc.vision import torchvision

# Side of the images that the published weights were trained on, where it is not 224.
SIDES = {"inception_v3": 299}
# Their random initialisation takes minutes.
OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"init_weights": False},
    "inception_v3": {"init_weights": False},
}


class _OnMeta(TorchFunctionMode):
    """Parameters are made without memory; whatever a model computes with numbers still works."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send ``torch.empty`` to the meta device."""
        options = dict(kwargs or {})
        if func is torch.empty:
            options["device"] = "meta"
        return func(*args, **options)


def classifiers() -> list[str]:
    """Names of all of them, sorted."""
    models = torchvision().models
    return sorted(models.list_models(module=models))


def on_meta(name: str) -> tuple[nn.Module, Tensor]:
    """The classifier ``name`` in evaluation mode and one image, both without memory."""
    with _OnMeta():
        model = torchvision().models.get_model(name, weights=None, **OPTIONS.get(name, {}))
    side = SIDES.get(name, 224)
    return model.to("meta").eval(), torch.empty(1, 3, side, side, device="meta")


def with_random_weights(name: str, **options: Any) -> nn.Module:
    """The classifier ``name`` for ten classes, batch norms random, in evaluation mode.

    Drawn from seed 0. Batch-norm statistics as initialised would leave folding untried.
    """
    options = {"num_classes": 10, **OPTIONS.get(name, {}), **options}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torchvision().models.get_model(name, weights=None, **options)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
                module.get_buffer("running_var").uniform_(0.3, 2.0)
    return model.eval()


@torch.no_grad()
def settle(model: nn.Module, inputs: Tensor) -> nn.Module:
    """Give every batch norm of ``model`` the statistics that ``inputs`` have there; returns it.

    Without that the signal of a deep random network dies out on its way: half of the filters of
    MobileNetV2's first blocks would change its outputs by 4e-8, so that equal outputs said little.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the average of all batches, of which there is one
            module.train()
    model(inputs)
    return model.eval()
