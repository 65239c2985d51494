"""Coresets compared: groups of samples, Welch's interval, the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from experiments.relatives.coresets import coreset_contrasts, write_coresets
from experiments.relatives.verdicts import verdicts_of
from experiments.report.summary import SummaryRow
from tests.harness.test_frontier_tables import row, table, written

RNG = np.random.default_rng(0)
SAMPLES = {
    ("coreset", ""): 500 + 20 * RNG.normal(size=20),
    ("coreset", "sampler=fixed_size"): 700 + 20 * RNG.normal(size=20),
    ("coreset_ellipsoid", "outermost=True sampler=with_replacement"): 560
    + 40 * RNG.normal(size=20),
    ("coreset_ellipsoid", "outermost=True sampler=fixed_size"): 660 + 20 * RNG.normal(size=20),
    ("coreset_ellipsoid", "outermost=False sampler=with_replacement"): 500
    + 40 * RNG.normal(size=20),
    ("random", ""): 300 + 40 * RNG.normal(size=20),
    ("coreset", "sampler=top"): [900],
    ("leverage", "rank=20 sampler=top"): [905],
    ("coreset_ellipsoid", "outermost=True sampler=top"): [800],
}


def rows() -> list[SummaryRow]:
    return [
        row(method, round(correct), f"{more} {f'method_seed={i}' if i else ''}".strip())
        for (method, more), values in SAMPLES.items()
        for i, correct in enumerate(values)
    ]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return written(tmp_path, "relatives_coresets", rows())


def accuracies(method: str, more: str) -> Sequence[float]:
    return [round(correct) / 10 for correct in SAMPLES[method, more]]


def test_contrasts_are_welchs_at_the_same_sampler(results: Path) -> None:
    found = {(c.claim, c.place.rpartition(" ")[-1]): c for c in coreset_contrasts(results)}
    assert len(found) == 5
    own = found["coreset_ellipsoid (outermost points)", "with_replacement"]
    ours = accuracies("coreset_ellipsoid", "outermost=True sampler=with_replacement")
    oracle: Any = stats.ttest_ind(ours, accuracies("coreset", ""), equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert (own.n, own.unit) == (20, "samples each")
    assert [own.low, own.high] == pytest.approx([interval.low, interval.high])
    assert own.p == pytest.approx(oracle.pvalue)
    assert own.difference == pytest.approx(np.mean(ours) - np.mean(accuracies("coreset", "")))


def test_half_a_sweep_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    some = [r for r in rows() if r.method != "coreset" or "sampler" in r.settings]
    results = written(tmp_path, "relatives_coresets", some)
    places = {c.place.rpartition(" ")[-1] for c in coreset_contrasts(results)}
    assert places == {"fixed_size", "top"}


def test_what_draws_nothing_is_compared_over_test_images(results: Path) -> None:
    [own] = [c for c in coreset_contrasts(results) if c.claim == "leverage"]
    ours, theirs = (np.arange(1000) < correct for correct in (905, 900))
    oracle: Any = stats.ttest_ind(100.0 * ours, 100.0 * theirs, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert own.unit == "test images"
    # With n in the denominator of the variance instead of n − 1.
    assert [own.low, own.high] == pytest.approx([interval.low, interval.high], rel=1e-2)
    assert own.p == pytest.approx(oracle.pvalue, rel=1e-2)


def test_verdicts_name_the_checkpoint_and_are_corrected_within_a_score(results: Path) -> None:
    found = coreset_contrasts(results)
    verdicts = verdicts_of(found)
    assert [v.verdict for v in verdicts] == [
        *("supported", "contradicted", "contradicted", "inconclusive", "inconclusive"),
    ]
    assert all("for this checkpoint" in v.statement for v in verdicts)


def test_the_table_has_a_line_per_score_and_a_column_per_ratio_and_sampler(results: Path) -> None:
    write_coresets(results)
    lines = table(results, "relatives_coresets_samplers")
    assert [line[1] for line in lines] == [
        "random",
        "coreset (Mussay et al.)",
        "coreset_ellipsoid (outermost points)",
        "coreset_ellipsoid (any points)",
        "leverage",
    ]
    assert [line[-1] for line in lines] == ["–", "90.0", "80.0", "–", "90.5"]
