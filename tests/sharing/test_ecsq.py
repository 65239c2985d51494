"""ECSQ against brute force and a transcription of relatives.md A1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.sharing.ecsq import Ecsq, lower_envelope
from tests.sharing.vectors import RNG, restored, weights
from tropnnc.unit import Array, IntArray

LINES = st.lists(
    st.tuples(st.integers(-8, 8), st.integers(0, 60)),
    min_size=1,
    max_size=12,
    unique_by=lambda line: line[0],
)


@settings(max_examples=25, deadline=None)
@given(lines=LINES)
def test_the_lower_envelope_of_lines(lines: list[tuple[int, int]]) -> None:
    centres, offsets = np.array(sorted(lines), dtype=float).T
    starts, alive = lower_envelope(centres, offsets)
    assert starts[0] == -np.inf
    assert (np.diff(starts) > 0).all()
    points = np.linspace(-40, 40, 801) + 0.0123
    least = (offsets - 2 * centres * points[:, None]).min(axis=1)
    chosen = alive[np.searchsorted(starts, points, "right") - 1]
    np.testing.assert_allclose(offsets[chosen] - 2 * centres[chosen] * points, least)


def ecsq_by_definition(values: Array, k: int, multiplier: float) -> Array:
    pieces = np.array_split(np.sort(values), 3 * k)
    centres = np.array([piece.mean() for piece in pieces])
    shares = np.array([len(piece) for piece in pieces]) / len(values)
    codes: IntArray = np.zeros(len(values), dtype=np.int64)
    before = np.inf
    for _ in range(30):
        costs = (values[:, None] - centres) ** 2 - multiplier * np.log(shares)
        codes, objective = costs.argmin(axis=1), costs.min(axis=1).mean()
        counts = np.bincount(codes, minlength=len(centres))
        sums = np.bincount(codes, values, len(centres))
        codes = (np.cumsum(counts > 0) - 1)[codes]
        centres, shares = (sums[counts > 0] / counts[counts > 0]), counts[counts > 0] / len(values)
        if len(centres) <= k or objective >= before:
            break
        before = objective
    return centres[codes]


@pytest.mark.parametrize("multiplier", [1e-9, 1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_ecsq_is_its_definition(seed: int, multiplier: float) -> None:
    values = weights(seed, 600)  # 3k divides it
    shared = Ecsq(multiplier).share(values, 10, RNG)
    expected = ecsq_by_definition(values, 10, multiplier)
    np.testing.assert_allclose(restored(shared), expected, atol=1e-12)


def test_ecsqs_multiplier_steers_the_number_of_values() -> None:
    values = weights(4, 3000)
    sizes = [len(Ecsq(m).share(values, 16, RNG).codebook) for m in (1e-9, 1e-5, 1e-3, 1e-1)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 48  # far below |w − c|²: every start cluster survives
    assert 1 < sizes[-2] <= 16  # it stops as soon as there are no more than k
