"""The claim: ``synthetic_ls`` is ahead of every published method, of any tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from experiments.claims.rules import ALPHA, Verdict
from experiments.claims.statistics import difference_p, holm, paired
from experiments.frontier.reading import NotRun
from experiments.frontier.rivals import RivalRow, rival_rows
from experiments.geometry.table import write_table
from experiments.report.statistics import FEW

# With batch norm, none of them a development network; compared at these ratios.
EXPERIMENTS = tuple(
    f"frontier_{name}" for name in ("vgg", "vgg100", "resnet20_trained", "lite0")
)  # fmt: skip
RATIOS = (0.5, 0.25)
NEAREST = 3
CLAIM = (
    "Claim: synthetic_ls is ahead of every published method of any tier without fine-tuning,"
    " batch norms re-calibrated on 1,024 images or not, at .5 and .25 on every network with"
    " batch norm but the development networks (for EfficientNet-Lite0 there are no training images,"
    " so that its rivals see none either). Verdict: {verdict} (ahead in {ahead} of {all}"
    " comparisons, behind in {behind}, undecided in the others; p < {alpha:g} after Holm's"
    " correction over the networks and ratios of a rival). Shown: the {nearest} nearest rivals."
    " Difference in points of top-1; 95 % interval: paired bootstrap over test images and over"
    " the methods' seeds, for this checkpoint; Student's t over training seeds where there are"
    " {few} or more."
)


@dataclass(frozen=True)
class Duel:
    """``synthetic_ls`` against one rival at one ratio on the dense networks of one kind.

    ``p``: two-sided, of no difference; ``networks``: the number of training seeds.
    """

    network: str
    ratio: float
    rival: str
    networks: int
    difference: float
    low: float
    high: float
    p: float


def write_ahead(results: Path, suffix: str) -> str:
    """Write the table ``frontier_ahead`` with the verdict as its caption; returns its text.

    Raises:
        NotRun: no differences are on disk.
    """
    names = [f"{experiment}{suffix}" for experiment in EXPERIMENTS]
    duels = fought([row for name in names for row in rival_rows(name, results)])
    if not duels:
        raise NotRun(f"no differences in results/summary/paired/{', '.join(names)}_rivals.csv yet")
    adjusted = corrected(duels)
    decided = [own.difference for own, p in zip(duels, adjusted, strict=True) if p < ALPHA]
    ahead, behind = sum(d > 0 for d in decided), sum(d < 0 for d in decided)
    caption = CLAIM.format(
        verdict=verdict(len(duels), ahead, behind), ahead=ahead, all=len(duels), behind=behind,
        alpha=ALPHA, nearest=NEAREST, few=FEW,
    )  # fmt: skip
    stem = results / "tables" / f"frontier_ahead{suffix}"
    return write_table(frame(duels, adjusted), 3, caption, stem)


def corrected(duels: Sequence[Duel]) -> list[float]:
    """Holm's p of every comparison, over all those with the same rival.

    That each of several rivals is beaten is a conjunction: it needs each, at the level of each
    (intersection-union test), and no correction over rivals.
    """
    found = [1.0] * len(duels)
    for rival in {duel.rival for duel in duels}:
        own = [index for index, duel in enumerate(duels) if duel.rival == rival]
        for index, p in zip(own, holm([duels[i].p for i in own]), strict=True):
            found[index] = p
    return found


def verdict(duels: int, ahead: int, behind: int) -> Verdict:
    """A claim about every rival holds if each is beaten, and falls with the first that is not."""
    if ahead == duels:
        return "supported"
    return "contradicted" if behind else "inconclusive"


def fought(rows: Sequence[RivalRow]) -> list[Duel]:
    """The comparisons of the claim, training seeds together."""
    groups: dict[tuple[str, float, str], list[RivalRow]] = {}
    for row in rows:
        if row.ratio in RATIOS:
            network = f"{row.dataset}, {row.arch.partition('(')[0]}"
            groups.setdefault((network, row.ratio, row.rival), []).append(row)
    return [duel for key, own in groups.items() for duel in _duels(key, own)]


def frame(duels: Sequence[Duel], adjusted: Sequence[float]) -> pd.DataFrame:
    """The nearest rivals by network and ratio."""
    numbered = sorted(zip(duels, adjusted, strict=True), key=lambda pair: pair[0].difference)
    lines = []
    for place in dict.fromkeys((duel.network, duel.ratio) for duel in duels):
        own = [pair for pair in numbered if (pair[0].network, pair[0].ratio) == place]
        lines += [_line(duel, p, len(own)) for duel, p in own[:NEAREST]]
    return pd.DataFrame(lines)


def _duels(key: tuple[str, float, str], rows: Sequence[RivalRow]) -> list[Duel]:
    """One over the training seeds where they are many enough, otherwise one for each."""
    if len(rows) < FEW:
        return [_for_this_checkpoint(key, row) for row in rows]
    spread = paired([row.difference for row in rows])
    low, high = spread.interval(0.95)
    return [Duel(*key, len(rows), spread.mean, low, high, difference_p(spread))]


def _for_this_checkpoint(key: tuple[str, float, str], row: RivalRow) -> Duel:
    return Duel(*key, 1, row.difference, row.low, row.high, _normal_p(row.difference, row.error))


def _normal_p(difference: float, error: float) -> float:
    """Two-sided; without any spread the two classify the same images right."""
    if error == 0:
        return float(difference == 0)
    return 2 * float(stats.norm.sf(abs(difference) / error))


def _line(duel: Duel, adjusted: float, rivals: int) -> dict[str, str]:
    return {
        "network": duel.network,
        "ratio": f"{duel.ratio:g}",
        "rival": duel.rival,
        "n": str(duel.networks),
        "of rivals": str(rivals),
        "difference": f"{duel.difference:+.2f}",
        "interval": f"{duel.low:+.2f} to {duel.high:+.2f}",
        "p (Holm)": f"{adjusted:.4f}" if adjusted >= 1e-4 else "< 0.0001",
    }
