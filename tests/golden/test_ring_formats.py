"""Relative errors of LeNets as hierarchical Tucker and rings, as relatives.md B.7 has them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from baselines.rewriters import ring
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.modes import Arrangement, merged, split
from baselines.rewriters.network import rewrite_network
from baselines.rewriters.ring_als import swept
from baselines.rewriters.ring_fitting import ring_ranks
from baselines.rewriters.trains import cut_spectra
from tests.golden.test_formats import (
    LENET300,
    layers_of_checkpoint,
    relative_error,
    share,
)


def test_relative_errors_of_four_merged_modes() -> None:
    """With these factors; 101 at the root of the first layer, as in B.6."""
    model = layers_of_checkpoint(LENET300)
    first = HierarchicalTucker("merged", 4, {300: (3, 4, 5, 5), 784: (4, 7, 4, 7)})
    second = HierarchicalTucker("merged", 4, {100: (2, 5, 2, 5), 300: (3, 5, 4, 5)})
    for beta, error, root in ((0.5, 0.612, 101), (0.25, 0.770, 51)):
        both = [
            rewrite_network(model, by, share(beta), (at,))[1][0]
            for by, at in ((first, "ip1"), (second, "ip2"))
        ]
        assert both[0].facts["ranks"]["0 1"] == root
        assert relative_error(model, tuple(both)) == pytest.approx(error, abs=0.0006)


def rings(arrangements: tuple[Arrangement, Arrangement], beta: float) -> list[ring.Cores]:
    """TR-SVD from the first mode, r_0 = 2, at thresholds on the cuts of a train as B.7 has them."""
    return [
        ring.ring_svd(x, ring_ranks(cut_spectra(x), x.shape, 2, int(beta * x.numel())))
        for x in tensors(arrangements)
    ]


def tensors(arrangements: tuple[Arrangement, Arrangement]) -> list[Tensor]:
    model = layers_of_checkpoint(LENET300)
    weights = (model.get_parameter(f"{name}.weight").detach() for name in ("ip1", "ip2"))
    return [a.tensor(w.double()) for a, w in zip(arrangements, weights, strict=True)]


def missed(arrangements: tuple[Arrangement, Arrangement], both: list[ring.Cores]) -> float:
    exact = torch.cat([tensor.flatten() for tensor in tensors(arrangements)])
    rebuilt = torch.cat([ring.full(cores).flatten() for cores in both])
    return float((exact - rebuilt).norm() / exact.norm())


@pytest.mark.parametrize(
    ("beta", "ranks", "expected"),
    [(0.5, (2, 7, 125, 28), 0.617), (0.25, (2, 7, 61, 28), 0.724)],
)
def test_relative_errors_of_rings_at_the_cuts_of_a_train(
    beta: float, ranks: ring.Ranks, expected: float
) -> None:
    """The last digits hang on the signs of singular vectors, which LAPACK leaves open."""
    at = split((15, 20), (28, 28)), split((10, 10), (15, 20))
    both = rings(at, beta)
    assert ring.ranks_of(both[0]) == ranks
    assert missed(at, both) == pytest.approx(expected, abs=0.002)


@pytest.mark.slow
def test_four_sweeps_of_least_squares() -> None:
    """relatives.md B.3: .7647 to .7516, merged, a quarter of the parameters."""
    at = merged((6, 5, 10), (7, 8, 14)), merged((5, 5, 4), (5, 6, 10))
    both = rings(at, 0.25)
    errors = [missed(at, both)]
    for _ in range(4):
        both = [swept(x, cores, 1) for x, cores in zip(tensors(at), both, strict=True)]
        errors.append(missed(at, both))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(0.7647, abs=0.001)
    assert errors[-1] == pytest.approx(0.7516, abs=0.001)
