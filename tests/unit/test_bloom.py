"""Bloom filters and the policies of DeepReduce: no member is lost, both sides agree."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.bloom import BloomFilter, filter_size
from tropnnc.indexcodec.policies import certain_members, positions
from tropnnc.indexcodec.values import Floats, value_bytes
from tropnnc.unit import IntArray

SETS = st.integers(1, 400).flatmap(
    lambda n: st.tuples(st.sets(st.integers(0, n - 1), min_size=1), st.just(n))
)
RATES = st.floats(0.001, 0.5)


def random_set(n: int, count: int, seed: int) -> IntArray:
    return np.sort(np.random.default_rng(seed).choice(n, count, replace=False))


@pytest.mark.parametrize(
    ("count", "rate", "size"),
    [
        (2_697, 0.001, (38_777, 10)),
        (2_697, 0.01, (25_851, 7)),
        (2_697, 0.02, (21_960, 6)),
        (100, 0.001, (1_438, 10)),
        (100, 0.01, (959, 7)),
        (5, 0.9, (2, 1)),
    ],
)
def test_bits_and_hashes(count: int, rate: float, size: tuple[int, int]) -> None:
    assert filter_size(count, rate) == size


@settings(max_examples=25, deadline=None)
@given(SETS, RATES, st.integers(0, 2**31))
def test_members_hold_the_set_and_both_sides_agree(
    drawn: tuple[set[int], int], rate: float, seed: int
) -> None:
    chosen, n = drawn
    indices = np.array(sorted(chosen))
    sender = BloomFilter.of(indices, rate)
    receiver = BloomFilter.from_bytes(sender.to_bytes())
    members = receiver.members(n)
    assert np.isin(indices, members).all()
    assert np.isin(certain_members(receiver, members), indices).all()
    for policy in ("p0", "p1", "p2", "naive"):
        sent = positions(sender, n, len(indices), policy, seed)
        np.testing.assert_array_equal(sent, positions(receiver, n, len(indices), policy, seed))
        assert (np.diff(sent) > 0).all()
        assert np.isin(sent, members).all()
        assert len(sent) == (len(members) if policy == "p0" else len(indices))


@pytest.mark.parametrize(("count", "rate"), [(500, 0.01), (500, 0.001), (2_000, 0.02)])
def test_the_number_of_members_is_that_of_the_formula(count: int, rate: float) -> None:
    n, sets = 50_000, 20
    size, hashes = filter_size(count, rate)
    rates = (1 - exp(-hashes * count / size)) ** hashes
    expected = count + rates * (n - count)
    sd = 1.9 * sqrt((n - count) * rates * (1 - rates))  # the filter's load varies
    found = [len(BloomFilter.of(random_set(n, count, s), rate).members(n)) for s in range(sets)]
    assert abs(np.mean(found) - expected) < 5 * sd / sqrt(sets)
    assert max(abs(np.array(found) - expected)) < 5 * sd


@pytest.mark.parametrize(
    ("count", "rate", "filter_bytes", "percent"),
    [
        (2_697, 0.001, 4_847, 1.54),
        (2_697, 0.01, 3_231, 2.28),
        (2_697, 0.02, 2_745, 3.22),
        (26_972, 0.001, 48_474, 14.58),
        (26_972, 0.01, 32_316, 13.88),
        (26_972, 0.02, 27_452, 14.34),
    ],
)
def test_messages_of_p0_are_those_of_the_specification(
    count: int, rate: float, filter_bytes: int, percent: float
) -> None:
    """relatives.md C2: whole bytes of the filter, and the message as a share of dense float32."""
    n = 269_722
    bloom = BloomFilter.of(random_set(n, count, 1), rate)
    assert len(bloom.bits) // 8 == filter_bytes
    size = len(bloom.to_bytes()) + value_bytes(len(bloom.members(n)), "fp32")
    assert 100 * size / (4 * n) == pytest.approx(percent, abs=0.06)


def test_the_published_volumes_of_p0_follow_from_formulas() -> None:
    """relatives.md C2: .1390, with QSGD .0574 of dense (published .1425 and .0621); 1.548 %."""
    n = 10**7
    volumes = []
    for share, rate, coder in ((0.1, 0.01, "fp32"), (0.1, 0.01, "qsgd"), (0.01, 0.001, "fp32")):
        members = round(share * n + rate * (n - share * n))
        size = filter_size(round(share * n), rate)[0] / 8 + value_bytes(members, coder)
        volumes.append(size / (4 * n))
    assert volumes == pytest.approx([0.1390, 0.0574, 0.01548], abs=5.1e-5)


def test_p0_exceeds_plain_keys_beyond_a_rate_and_is_smallest_at_another() -> None:
    """relatives.md C2: ε > .0067 at 1 %; e* = .065 r/(d − r), 6.6e-4 at 1 % and 7.2e-3 at 10 %."""
    n = 10**7
    for count, best in ((n // 100, 6.6e-4), (n // 10, 7.2e-3)):

        def size(rate: float, count: int = count) -> float:
            return filter_size(count, rate)[0] / 8 + 4 * (count + rate * (n - count))

        assert min(best * np.linspace(0.5, 2, 301), key=size) == pytest.approx(best, rel=0.02)
        if count == n // 100:
            assert size(0.0066) < 8 * count < size(0.0069)


def test_conflicts_find_more_of_the_set_than_chance() -> None:
    n, count = 60_000, 600
    indices = random_set(n, count, 7)
    bloom = BloomFilter.of(indices, 0.01)
    kept = {
        policy: np.isin(positions(bloom, n, count, policy, 0), indices).mean()
        for policy in ("p0", "p1", "p2")
    }
    assert kept["p1"] == pytest.approx(count / len(bloom.members(n)), abs=0.1)
    assert kept["p2"] > 0.75  # relatives.md: .825, and .497 by chance
    assert kept["p1"] < 0.6


def largest_of_a_gradient() -> tuple[Floats, IntArray, BloomFilter]:
    values = np.random.default_rng(0).normal(size=5_000).astype(np.float32)
    indices = np.sort(np.argsort(-np.abs(values))[:200])
    return values, indices, BloomFilter.of(indices, 0.05)


def test_values_of_p0_are_those_of_every_member() -> None:
    values, indices, bloom = largest_of_a_gradient()
    sent = positions(bloom, len(values), len(indices), "p0", 0)
    decoded = np.zeros_like(values)
    decoded[sent] = values[sent]
    assert len(sent) > len(indices)
    assert decoded[sent].tobytes() == values[bloom.members(len(values))].tobytes()
    assert not np.delete(decoded, sent).any()


def test_naive_values_are_shifted_by_the_first_false_positive() -> None:
    values, indices, bloom = largest_of_a_gradient()
    taken = positions(bloom, len(values), len(indices), "naive", 0)
    first = np.flatnonzero(~np.isin(taken, indices))[0]
    wrong = values[indices] != values[taken]  # what is sent, and what belongs there
    assert not wrong[:first].any()
    assert wrong[first:].all()


def test_draws_leave_the_global_generators_alone() -> None:
    indices = random_set(3_000, 100, 0)
    bloom = BloomFilter.of(indices, 0.05)
    before = repr(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002
    drawn = [positions(bloom, 3_000, 100, policy, 4).tolist() for policy in ("p1", "p2")]
    assert before == (repr(np.random.get_state()), torch.get_rng_state().tolist())  # noqa: NPY002
    assert drawn == [positions(bloom, 3_000, 100, policy, 4).tolist() for policy in ("p1", "p2")]
    assert drawn != [positions(bloom, 3_000, 100, policy, 5).tolist() for policy in ("p1", "p2")]


def test_an_empty_set_has_no_members() -> None:
    assert len(BloomFilter.of(np.array([], dtype=np.int64), 0.01).members(1_000)) == 0


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=30))
def test_damaged_filters_are_refused_or_filters(data: bytes) -> None:
    try:
        bloom = BloomFilter.from_bytes(data)
    except TropnncError:
        return
    assert len(bloom.bits) <= 8 * len(data)


def test_a_filter_with_too_few_members_is_refused() -> None:
    bloom = BloomFilter.of(np.array([1, 2]), 0.001)
    with pytest.raises(TropnncError, match="damaged Bloom filter"):
        positions(bloom, 10, 9, "p1", 0)
    with pytest.raises(TropnncError, match="unknown Bloom policy"):
        positions(bloom, 10, 2, "p3", 0)
    with pytest.raises(TropnncError, match="out of range"):
        filter_size(10, 1.0)
