"""The published sizes of HAM, and the factor of two in them."""

from __future__ import annotations

import pytest

from experiments.relatives.published_ham import rows, sham_indices


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.configuration)
def test_the_way_of_counting_explains_what_was_printed(row) -> None:  # pyright: ignore[reportMissingParameterType]
    assert row.explained
    if row.form == "ham":
        assert row.counted / row.true == pytest.approx(2, rel=2e-3)


def test_true_sizes() -> None:
    found = {row.configuration: round(row.true, 4) for row in rows()}
    assert found["CIFAR-10, WS 2-2-32"] == 0.0315
    assert found["CIFAR-10, PQ 32-2-32"] == 0.0454
    assert found["CIFAR-10, 1024-1024-2"] == 0.312
    assert found["CIFAR-10, Pr 99"] == pytest.approx(0.015, abs=5e-4)


def test_of_the_published_006_of_sham_005_are_indices() -> None:
    assert sham_indices(99) == pytest.approx(0.005, abs=5e-4)
