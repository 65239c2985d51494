"""The draw of a spot check: random, bounded, and nothing left out in silence."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.check.draw import Drawn, Network, draw, random_order
from experiments.report.summary import SummaryRow, write_summary
from tests.harness.summaries import ROWS
from tropnnc import TropnncError

ROW = ROWS[0]


def row(network: int, index: int, seconds: float = 1.0) -> SummaryRow:
    return replace(
        ROW,
        checkpoint=f"network {network}",
        identity=f"{network}-{index}",
        seed=network,
        compress_seconds=seconds,
        evaluate_seconds=0.0,
    )


def cells(networks: int, each: int, seconds: float = 1.0) -> list[Drawn]:
    return [Drawn("x", row(n, i, seconds)) for i in range(each) for n in range(networks)]


def costing(*seconds: float) -> dict[str, Network]:
    return {f"network {n}": Network(f"net {n}", cost) for n, cost in enumerate(seconds)}


def test_the_order_depends_on_its_seed_and_has_every_finished_cell_once(tmp_path: Path) -> None:
    rows = [row(n, 0) for n in range(50)]
    skipped = replace(rows[0], status="skipped", identity="skipped")
    write_summary([*rows, skipped], tmp_path / "summary" / "a.csv")
    write_summary(rows[:20], tmp_path / "summary" / "b.csv")
    order = random_order(tmp_path, 0)
    assert sorted(d.row.identity for d in order) == sorted(r.identity for r in rows)
    assert order == random_order(tmp_path, 0)
    assert order != random_order(tmp_path, 1)


def test_every_cell_is_as_likely_to_come_first(tmp_path: Path) -> None:
    write_summary([row(n, 0) for n in range(5)], tmp_path / "summary" / "a.csv")
    first = Counter(random_order(tmp_path, seed)[0].row.identity for seed in range(400))
    assert len(first) == 5
    # 80 each: five standard deviations of a binomial.
    assert all(abs(count - 80) < 40 for count in first.values())


def test_images_count_once_for_all_cells_that_share_them() -> None:
    """Two cells on the same images, one on others, of one network; one without any of another."""
    own = [
        replace(row(0, index), imagine_seconds=seconds) for index, seconds in enumerate((5, 5, 7))
    ]
    chosen = [Drawn("x", one) for one in (*own, row(1, 0))]
    known = costing(2.0, 3.0)
    drawn = draw(chosen, 4, 100.0, lambda d: known[d.row.checkpoint])
    assert drawn.seconds == 4 + (5 + 7) + (2 + 3)


def test_nothing_committed(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match="no committed cell"):
        random_order(tmp_path, 0)


def test_where_all_fit_the_draw_is_the_beginning_of_the_order() -> None:
    order, networks = cells(4, 3), costing(10, 10, 10, 10)
    drawn = draw(order, 5, 45, lambda d: networks[d.row.checkpoint])
    assert set(drawn.cells) == set(order[:5])
    assert (drawn.seconds, drawn.left_out) == (45, {})


def test_the_costliest_network_leaves_with_all_its_cells_and_the_next_take_their_place() -> None:
    order, networks = cells(4, 3), costing(10, 300, 20, 400)
    drawn = draw(order, 6, 60, lambda d: networks[d.row.checkpoint])
    assert [d.row.identity for d in drawn.cells] == ["0-0", "0-1", "0-2", "2-0", "2-1", "2-2"]
    assert drawn.left_out == {networks["network 1"]: 3, networks["network 3"]: 2}
    assert "left out: net 3, whose cells came up 2 times: it takes about 7 min" in drawn.text


def test_what_cannot_be_had_says_why() -> None:
    networks = {**costing(0, 5), "network 0": Network("net 0", math.inf, "no such file")}
    drawn = draw(cells(2, 2), 2, 1e9, lambda d: networks[d.row.checkpoint])
    assert [d.row.checkpoint for d in drawn.cells] == ["network 1"] * 2
    assert "whose cells came up 2 times: no such file" in drawn.text


def test_long_cells_count_with_their_network() -> None:
    order = [*cells(1, 2, seconds=100.0), Drawn("x", row(1, 0))]
    networks = costing(0, 50)
    drawn = draw(order, 2, 60, lambda d: networks[d.row.checkpoint])
    assert [d.row.identity for d in drawn.cells] == ["1-0"]


@settings(max_examples=60, deadline=None)
@given(
    costs=st.lists(st.floats(0, 100) | st.just(math.inf), min_size=1, max_size=6),
    each=st.integers(1, 4),
    number=st.integers(1, 12),
    seconds=st.floats(0, 300),
    shuffle=st.randoms(use_true_random=False),
)
def test_any_draw_fits_and_accounts_for_what_it_passed_over(
    costs: list[float], each: int, number: int, seconds: float, shuffle: Random
) -> None:
    order, networks = cells(len(costs), each), costing(*costs)
    shuffle.shuffle(order)
    drawn = draw(order, number, seconds, lambda d: networks[d.row.checkpoint])
    used = {d.row.checkpoint for d in drawn.cells}
    assert drawn.seconds == pytest.approx(
        len(drawn.cells) + sum(networks[name].seconds for name in used)
    )
    assert drawn.seconds <= seconds
    left_out = {name for name, network in networks.items() if network in drawn.left_out}
    assert not used & left_out
    # The drawn are the first cells in the order that are not on a network left out.
    open_cells = [d for d in order if d.row.checkpoint not in left_out]
    assert set(drawn.cells) == set(open_cells[:number])
    if len(drawn.cells) < number:
        assert len(drawn.cells) + sum(drawn.left_out.values()) == len(order)
