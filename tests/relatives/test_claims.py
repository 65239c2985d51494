"""The claims: that each can be tried, and those about sizes alone."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.relatives.claims import CONTRASTS
from experiments.relatives.claims.sizes import bloom_verdicts, ham_verdicts
from experiments.relatives.contrasts import Contrast
from experiments.relatives.grids import read_experiment
from experiments.relatives.settings import spelt
from experiments.relatives.supports import support_rows


@pytest.mark.parametrize("contrast", CONTRASTS, ids=lambda c: f"{c.claim}-{c.stage}-{c.ours}")
def test_every_contrast_has_its_cells(contrast: Contrast) -> None:
    """A claim that no cell can try is a slip of the pen."""
    found, _ = read_experiment(contrast.experiment)
    for side in (contrast.ours, contrast.theirs):
        if "rewriter" not in side:
            continue
        own = [c for c in found if c.rewriting and spelt(c.rewriting.rewriter) == side["rewriter"]]
        assert own, side
        assert contrast.stage == "before" or any(cell.steps for cell in own)


def test_ham_is_half_of_what_was_published() -> None:
    found = [v for v in ham_verdicts() if v.statement.startswith("HAM")]
    assert {v.verdict for v in found} == {"contradicted"}
    assert len(found) == 5
    assert [v.verdict for v in ham_verdicts()[5:]] == ["supported"] * 2  # CSC


def test_bloom_against_gaps() -> None:
    """relatives.md C2: P0 is below plain keys and above gap codes, at both shares."""
    rng = np.random.default_rng(0)
    verdicts = bloom_verdicts(list(support_rows("gradient", rng.normal(size=40_000))))
    assert [v.verdict for v in verdicts] == ["supported", "contradicted"] * 2
