"""Tables of paired counts, beside those of accuracy or instead of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.report.paired import PairedRow, change
from experiments.report.statistics import Place, grouped, panels
from experiments.report.summary import SummaryRow, parse_settings
from experiments.report.tables import FOR_THESE, Block, Line, blocks
from experiments.report.variants import variants

# Its images are no unbiased sample: accuracy on them is said of nothing else.
SUBSET = "imagenet_subset"


def all_blocks(rows: Sequence[SummaryRow], paired: Mapping[str, PairedRow]) -> list[Block]:
    """Accuracy by method and ratio, then paired counts; of the subset, counts alone."""
    counted = [row for row in rows if row.identity in paired]
    names = variants(rows)
    places = panels(counted).items()
    own = [_block(place, cells, paired, names) for place, cells in places]
    return [*blocks([row for row in rows if row.dataset != SUBSET]), *own]


def _block(
    place: Place,
    rows: Sequence[SummaryRow],
    paired: Mapping[str, PairedRow],
    names: Mapping[str, str],
) -> Block:
    ratios = sorted({row.ratio for row in rows}, reverse=True)
    kinds = ("top-1", "change in points", "top-5")
    headings = [f"{ratio:g} {kind}" for ratio in ratios for kind in kinds]
    best = _best(rows, paired)
    lines = []
    for (_, needs, name), cells in sorted(grouped(rows, lambda r: _method(r, names)).items()):
        own = {row.ratio: row for row in cells}
        texts, marks = [], []
        for ratio in ratios:
            row = own.get(ratio)
            texts += ["–"] * 3 if row is None else _texts(paired[row.identity])
            marks += [row is not None and row.identity in best, False, False]
        lines.append(Line(name, needs, tuple(texts), tuple(marks)))
    total, dense = rows[0].total, paired[rows[0].identity]
    title = (
        f"{place.title}: images classified correctly, {FOR_THESE} {total:,}"
        f" (dense: top-1 {dense.dense:,}, top-5 {dense.dense_top5:,})"
    )
    return Block(title, tuple(headings), tuple(lines))


def _method(row: SummaryRow, names: Mapping[str, str]) -> tuple[int, str, str]:
    """Every method seed is a line of its own: images are paired within one cell."""
    seed = parse_settings(row.settings).get("method_seed")
    name = names[row.identity]
    return row.tier, row.needs, name if seed is None else f"{name}, method_seed={seed}"


def _texts(row: PairedRow) -> list[str]:
    points, low, high = change(row.lost, row.gained, row.total)
    return [
        f"{row.correct:,} (-{row.lost} +{row.gained})",
        f"{points:+.1f} [{low:+.1f}, {high:+.1f}]",
        f"{row.correct_top5:,} (-{row.lost_top5} +{row.gained_top5})",
    ]


def _best(rows: Sequence[SummaryRow], paired: Mapping[str, PairedRow]) -> set[str]:
    """Identities with most images right in top-1, within a tier and a ratio."""
    found: set[str] = set()
    for rivals in grouped(rows, lambda row: (row.tier, row.ratio)).values():
        most = max(paired[row.identity].correct for row in rivals)
        found |= {row.identity for row in rivals if paired[row.identity].correct == most}
    return found
