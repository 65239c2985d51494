"""Claims about sizes alone, which one computation settles: HAM's tables, and Bloom filters.

HAM and CSC: the published ratio agrees with the true size of the same streams, to 2 % or a last
digit. Bloom: the message of DeepReduce's lossless policy P0, at the best false-positive rate tried,
is smaller than with plain keys, and than with the best code of gaps.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.relatives import published_ham
from experiments.relatives.supports import SupportRow
from experiments.report.statistics import grouped
from experiments.track.verdicts import Verdict, verdict

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
    """A CSC of indices of 32 bits, as theirs, is as true as one of ours, which are narrower."""
    true = row.true if row.form == "ham" else row.counted
    agrees = published_ham.agrees(true, row.published)
    counted = f"; counted at 16 bytes a word of 8, as their script does: {row.counted:.4f}"
    narrow = f"; with the narrowest indices of whole bytes {row.true:.4f}"
    return Verdict(
        f"{row.form.upper()} takes the published share of dense float32",
        f"{row.configuration}, fully connected layers of VGG19",
        f"published {row.published:g}, true {true:.4f}{counted if row.form == 'ham' else narrow}",
        "exact",
        verdict(agrees, not agrees),
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
