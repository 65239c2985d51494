"""Claims: which cells count, what they amount to, and the page that says so."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.check.composing import CONF
from experiments.claims.__main__ import write_page
from experiments.claims.claim import Claim, Contender, Network, Variant
from experiments.claims.comparison import Comparison, Untried, compare
from experiments.claims.page import page
from experiments.claims.reading import read_claims
from experiments.claims.rules import Verdict, verdict_of
from experiments.claims.verdict import Finding, judge, overall
from experiments.report.summary import SummaryRow, write_summary
from tests.harness.summaries import FIXTURES, ROWS
from tropnnc import TropnncError

BASE = ROWS[0]
NETWORK = Network(("one",), BASE.dataset, BASE.arch, "all")
CLAIM = Claim(
    id="ours-better",
    text="Ours is better.",
    source="this test",
    networks=(NETWORK,),
    scope="all",
    ours=Contender("ours", {"order": "original"}),
    theirs=Contender("theirs", {"order": "original"}),
    endpoint="accuracy",
    ratios=(0.5, 0.1),
    finetuning="before",
    rule="superior",
    chance=10.0,
)
PAIR = CLAIM.ours, CLAIM.theirs


def rows(
    method: str, accuracies: Sequence[float], ratio: float, order: str = "original"
) -> Iterator[SummaryRow]:
    """One row per dense network, top-1 in percent of 1,000 images."""
    for seed, accuracy in enumerate(accuracies):
        yield replace(
            BASE,
            method=method,
            settings=f"scope=all order={order}",
            ratio=ratio,
            seed=seed,
            correct=round(10 * accuracy),
            output_error=1 - accuracy / 100,
            checkpoint=f"network {seed}",
            identity=f"{method} {order} {ratio} {seed}",
        )


def test_method_seeds_are_averaged_and_a_re_calibrated_cell_counts_as_it_was_before() -> None:
    one = list(rows("ours", [50, 60, 70], 0.5))
    again = [
        replace(row, correct=row.correct + 20, identity=f"{row.identity} again",
                settings=f"{row.settings} method_seed=1 recalibrate=1024")
        for row in one
    ]  # fmt: skip
    claim = replace(CLAIM, ratios=(0.5,))
    found = compare(claim, NETWORK, PAIR, [*one, *again, *rows("theirs", [50, 60, 70], 0.5)])
    assert isinstance(found, Comparison)
    assert found.differences == pytest.approx((1.0, 1.0, 1.0))


def test_a_claim_about_re_calibrated_networks_reads_that_column() -> None:
    def measured(method: str, shift: int) -> list[SummaryRow]:
        return [
            replace(row, recalibrated_correct=row.correct + shift, recalibrated_dense_correct=900)
            for row in rows(method, [50, 60, 70], 0.5)
        ]

    claim = replace(CLAIM, ratios=(0.5,), finetuning="recalibrated")
    found = compare(claim, NETWORK, PAIR, [*measured("ours", 30), *measured("theirs", 10)])
    assert isinstance(found, Comparison)
    assert found.differences == pytest.approx((2.0, 2.0, 2.0))
    plain = [*rows("ours", [50, 60, 70], 0.5), *measured("theirs", 10)]
    assert compare(claim, NETWORK, PAIR, plain) == Untried("no cells of ours at 0.5")


def both(
    ours: Sequence[float], theirs: Sequence[float], order: str = "original", ratio: float = 0.5
) -> list[SummaryRow]:
    return [*rows("ours", ours, ratio, order), *rows("theirs", theirs, ratio, order)]


def summary(
    ours: Sequence[float], theirs: Sequence[float], order: str = "original"
) -> list[SummaryRow]:
    return both(ours, theirs, order) + both(ours, theirs, order, ratio=0.1)


def comparison(claim: Claim, cells: list[SummaryRow]) -> Comparison:
    result = compare(claim, NETWORK, PAIR, cells)
    assert isinstance(result, Comparison)
    return result


def test_differences_are_paired_by_network_and_averaged_over_ratios() -> None:
    cells = both([90, 80, 70], [80, 75, 70]) + both([60, 50, 40], [40, 45, 40], ratio=0.1)
    assert comparison(CLAIM, cells[::-1]).differences == pytest.approx((15, 5, 0))


def test_cells_on_one_network_are_averaged_first() -> None:
    cells = summary([90, 80, 70], [80, 80, 80])
    again = [replace(row, identity=f"{row.identity} again", correct=row.correct - 100)
             for row in cells if row.method == "ours" and row.seed == 0]  # fmt: skip
    assert comparison(CLAIM, cells + again).differences == pytest.approx((5, 0, -10))


def test_a_ratio_at_chance_for_both_methods_is_left_out_and_counted() -> None:
    cells = both([90, 80, 70], [80, 75, 70]) + both([14, 15, 13], [7, 6, 5], ratio=0.1)
    result = comparison(CLAIM, cells)
    assert (result.ratios, result.left_out) == (1, 1)
    assert result.differences == pytest.approx((10, 5, 0))
    cells = both([90, 80, 70], [80, 75, 70]) + both([16, 16, 16], [7, 6, 5], ratio=0.1)
    assert comparison(CLAIM, cells).left_out == 0


def test_nothing_counts_where_every_ratio_is_at_chance() -> None:
    [finding] = judge(CLAIM, {"one": summary([10, 11, 12], [10, 9, 8])}).findings
    assert finding.comparison == Comparison((), 0, 2)
    assert finding.verdict == "inconclusive"


def test_less_output_error_is_better() -> None:
    claim = replace(CLAIM, endpoint="output_error")
    cells = summary([90, 80, 70], [80, 75, 70])
    assert comparison(claim, cells).differences == pytest.approx((0.1, 0.05, 0))


def test_a_missing_ratio_leaves_the_claim_untried() -> None:
    cells = both([90, 80, 70], [80, 75, 70])
    assert compare(CLAIM, NETWORK, PAIR, cells) == Untried("no cells of ours at 0.1")


def test_a_network_without_all_cells_is_left_out_and_counted() -> None:
    cells = summary([90, 80, 70, 60], [80, 75, 70, 60])
    kept = [r for r in cells if (r.method, r.ratio, r.seed) != ("theirs", 0.1, 3)]
    result = comparison(CLAIM, kept)
    assert (len(result.differences), result.incomplete) == (3, 1)
    assert comparison(CLAIM, cells).incomplete == 0
    assert "| 3 (1 incomplete) |" in page([judge(CLAIM, {"one": kept})], [])


def test_after_fine_tuning_another_accuracy_counts_and_the_margin_is_one_point() -> None:
    claim = replace(CLAIM, finetuning="after", rule="on_par", preregistered=False)
    cells = [replace(row, finetuned_correct=900 + 10 * row.seed)
             for row in summary([90, 80, 70], [20, 20, 20])]  # fmt: skip
    judgement = judge(claim, {"one": cells})
    assert judgement.verdict == "supported"
    assert judgement.findings[0].comparison == Comparison((0.0, 0.0, 0.0), 2, 0)
    worse = [replace(r, finetuned_correct=(r.finetuned_correct or 0) - 15 * (r.method == "ours"))
             for r in cells]  # fmt: skip
    assert judge(claim, {"one": worse}).verdict == "contradicted"
    shown = page([judgement], [])
    assert "Written after its sweep had been seen" in shown
    assert "supported (written afterwards)" in shown


def test_settings_that_match_two_variants_are_refused() -> None:
    claim = replace(CLAIM, ours=Contender("ours", {}))
    cells = summary([90, 80, 70], [80, 75, 70])
    more = [replace(row, settings=f"{row.settings} balance=none") for row in cells]
    with pytest.raises(TropnncError, match="settings of ours on lenet_a match 2 of one"):
        compare(claim, NETWORK, (claim.ours, claim.theirs), cells + more)
    absent = Contender("ours", {"balance": None})
    assert isinstance(compare(claim, NETWORK, (absent, claim.theirs), cells), Comparison)


@pytest.mark.parametrize(
    ("rule", "finetuning", "interval", "verdict"),
    [
        ("superior", "before", (0.1, 9.0), "supported"),
        ("superior", "before", (-0.1, 9.0), "inconclusive"),
        ("superior", "before", (-9.0, -0.1), "contradicted"),
        ("on_par", "before", (-1.9, 1.9), "supported"),
        ("on_par", "before", (-1.9, 2.1), "inconclusive"),
        ("on_par", "before", (2.1, 3.0), "contradicted"),
        ("on_par", "after", (-1.9, 1.9), "inconclusive"),
        ("on_par", "after", (-0.9, 0.9), "supported"),
        ("on_par", "after", (-3.0, -1.1), "contradicted"),
    ],
)
def test_verdict_of_an_interval(
    rule: str, finetuning: str, interval: tuple[float, float], verdict: str
) -> None:
    claim = replace(CLAIM, rule=rule, finetuning=finetuning)
    assert verdict_of(claim, interval) == verdict


def test_two_networks_are_a_case_study() -> None:
    judgement = judge(CLAIM, {"one": summary([99, 99], [50, 50])})
    assert judgement.verdict == "inconclusive"
    assert judgement.findings[0].interval is None


def test_holm_can_take_back_what_an_interval_alone_supports() -> None:
    other = Network(("two",), BASE.dataset, BASE.arch, "all")
    close = summary([80.8, 81.2, 81.7], [80, 80, 80])
    alone = judge(CLAIM, {"one": close})
    assert alone.verdict == "supported"
    assert alone.findings[0].p == alone.findings[0].adjusted
    together = judge(
        replace(CLAIM, networks=(NETWORK, other)),
        {"one": close, "two": summary([90, 80, 70], [80, 80, 80])},
    )
    first, second = together.findings
    assert first.p == alone.findings[0].p
    assert first.adjusted is not None
    assert 0.05 < first.adjusted == 2 * (first.p or 0)
    assert (first.verdict, second.verdict) == ("inconclusive", "inconclusive")


def test_a_verdict_that_turns_with_an_option_says_so() -> None:
    variant = Variant("sequential", {"order": "sequential"}, {"order": "sequential"})
    claim = replace(CLAIM, variants=(variant,))
    better, worse = ([90, 91, 92], [80, 81, 82.5]), ([80, 81, 82], [90, 91, 92.5])
    turned = judge(claim, {"one": summary(*better) + summary(*worse, order="sequential")})
    assert turned.verdict == "option-dependent"
    assert [f.verdict for f in turned.findings] == ["supported", "contradicted"]
    kept = judge(claim, {"one": summary(*better) + summary(*better, order="sequential")})
    assert kept.verdict == "supported"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "not tried"], "supported"),
        (["supported", "inconclusive"], "inconclusive"),
        (["supported", "contradicted"], "inconclusive"),
        (["contradicted", "contradicted"], "contradicted"),
        (["not tried", "not tried"], "not tried"),
    ],
)
def test_networks_must_agree(verdicts: list[Verdict], expected: str) -> None:
    findings = [Finding(NETWORK, "as stated", Untried(""), verdict) for verdict in verdicts]
    assert overall(findings) == expected


def test_golden_page(tmp_path: Path) -> None:
    write_summary(summary([90, 91, 92], [80, 81, 82.5]), tmp_path / "summary" / "one.csv")
    written = write_page(FIXTURES / "claims.yaml", tmp_path)
    assert written == tmp_path / "claims.md"
    assert written.read_text() == (FIXTURES / "claims.md").read_text()


def test_the_committed_claims_are_read_and_name_experiments_that_exist() -> None:
    claims = read_claims(CONF / "claims.yaml")
    assert len({claim.id for claim in claims}) == len(claims)
    experiments = {path.stem for path in (CONF / "experiment").glob("*.yaml")}
    for claim in claims:
        if isinstance(claim, Claim):
            assert claim.experiments <= experiments
        else:
            assert (CONF.parent / claim.test).is_file()


def test_a_claim_with_another_rule_is_refused_by_name(tmp_path: Path) -> None:
    text = (FIXTURES / "claims.yaml").read_text()
    (tmp_path / "x.yaml").write_text(text.replace("rule: superior", "rule: better", 1))
    with pytest.raises(TropnncError, match="claim 'ours-better': unknown rule 'better'"):
        read_claims(tmp_path / "x.yaml")
