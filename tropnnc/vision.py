"""Import torchvision, also where its compiled operators do not match the installed torch.

PyPI has one build of torchvision, for CUDA. Beside a CPU build of torch its extension cannot be
loaded, and its import then fails on two detection operators that no classifier calls
(pytorch/vision issues 9077 and 9085). Declaring their signatures lets the import succeed.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

import torch

_DETECTION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def _declared_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for signature in _DETECTION_OPERATORS:
        library.define(signature)
    return library


@cache
def torchvision() -> ModuleType:
    """The package ``torchvision``."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _declared_operators()
        return importlib.import_module("torchvision")
