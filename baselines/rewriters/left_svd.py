"""The left half of a singular value decomposition, which is all that a format keeps of a cut."""

from __future__ import annotations

import torch
from torch import Tensor


def left_svd(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Left singular vectors ``[m, r]`` and singular values ``[r]``, ``r = min(m, n)``.

    Those of a matrix wider than high are its triangular factor's, whose right vectors are short.
    """
    if matrix.shape[1] > matrix.shape[0]:
        matrix = torch.linalg.qr(matrix.T, mode="r").R.T
    vectors, values, _ = torch.linalg.svd(matrix, full_matrices=False)
    return vectors, values
