"""Claims about sizes alone, which one computation settles: HAM's tables, and Bloom filters.

HAM: the published ratio agrees with the true size of the same streams to 2 %. Bloom: the message of
DeepReduce's lossless policy P0, at the best false-positive rate tried, is smaller than with plain
keys, and than with the best code of gaps.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.relatives import published_ham
from experiments.relatives.supports import SupportRow
from experiments.report.statistics import grouped
from experiments.track.verdicts import Verdict, verdict

AGREES = 0.02
RIVALS = {"plain keys": ("raw32",), "gap codes": ("gamma", "delta", "rice", "range")}


def ham_verdicts() -> list[Verdict]:
    """One per configuration whose size follows from what is published."""
    return [_ham(row) for row in published_ham.rows()]


def bloom_verdicts(rows: Sequence[SupportRow]) -> list[Verdict]:
    """One per vector, share and rival."""
    return [
        _bloom(own, rival, codes)
        for own in grouped(rows, lambda row: (row.vector, row.share)).values()
        for rival, codes in RIVALS.items()
    ]


def _ham(row: published_ham.Row) -> Verdict:
    true = abs(row.true - row.published) <= AGREES * row.published
    why = " (its script counts 16 bytes a word of 8)" if row.explained and not true else ""
    return Verdict(
        f"{row.form.upper()} takes the published share of dense float32",
        f"{row.configuration}, fully connected layers of VGG19",
        f"published {row.published:g}, true {row.true:.4f}, as counted {row.counted:.4f}{why}",
        "exact",
        verdict(true, not true),
    )


def _bloom(rows: Sequence[SupportRow], rival: str, codes: Sequence[str]) -> Verdict:
    filters = [row for row in rows if row.code == "bloom p0"]
    ours = min(filters, key=lambda row: row.message)
    theirs = min((row for row in rows if row.code in codes), key=lambda row: row.message)
    return Verdict(
        f"Bloom coding smaller than {rival}",
        f"{ours.vector} of ResNet-20, largest {100 * ours.share:g} % of {ours.length:,}",
        f"{ours.message:,} bytes at ε = {ours.rate:g}, {theirs.code} {theirs.message:,}",
        "exact",
        verdict(ours.message < theirs.message, ours.message >= theirs.message),
    )
