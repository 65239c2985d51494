"""What each ingredient buys: a choice changed, all else equal, in a factorial of compositions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.frontier.attribution_figure import draw
from experiments.frontier.effect import Effect
from experiments.frontier.reading import read_rows, title
from experiments.geometry.table import write_table
from experiments.report.contrasts import pairs
from experiments.report.statistics import Place, panels
from experiments.report.style import save
from experiments.report.summary import SummaryRow

CAPTION = (
    "What each ingredient buys, in points of top-1 on {images} validation images, without"
    " fine-tuning: in synthetic_ls itself (everything else as there), and mean, least and most over"
    " all pairs of cells that agree in everything else. For this checkpoint."
)


@dataclass(frozen=True)
class Ingredient:
    """A choice of ``composed`` and what it is measured against.

    ``never``: a setting under which the two differ in more than the choice.
    """

    name: str
    option: str
    value: str
    base: str
    never: tuple[str, str] | None = None


# Behind a Gaussian model, which has no images, differential repair sees real ones.
INGREDIENTS = (
    Ingredient("selection: greedy, not random", "front_end", "greedy", "random"),
    Ingredient("selection: greedy, not L1", "front_end", "greedy", "l1"),
    Ingredient("merging: TropNNC's clusters, not greedy", "front_end", "tropnnc", "greedy"),
    Ingredient("merging: directions, not greedy", "front_end", "tropnnc_spherical", "greedy"),
    Ingredient("compensation: a factor per neuron", "compensate", "scalar", "none"),
    Ingredient("compensation: mixing matrix", "compensate", "mix", "none"),
    Ingredient("every tap, not the mixing matrix", "compensate", "taps", "mix"),
    Ingredient(
        *("images made, not a Gaussian model", "source", "synthetic", "gaussian"),
        never=("repair", "differential"),
    ),
    Ingredient("images, not those made", "source", "images", "synthetic"),
    Ingredient("sequence: units as compressed so far", "order", "sequential", "original"),
    Ingredient("the kept rows refitted", "refit", "True", "False"),
    Ingredient("the shortcut's term", "shortcut", "True", "False"),
    Ingredient("a second pass over the units", "passes", "2", "1"),
    Ingredient("analytic repair", "repair", "analytic", "none"),
    Ingredient(
        *("differential repair", "repair", "differential", "none"),
        never=("source", "gaussian"),
    ),
    Ingredient("widths of one cut, equal MACs", "allocator", "gain(budget=macs)", "uniform"),
    Ingredient(
        *("widths of one cut of shares, equal MACs", "allocator"),
        *("gain(budget=macs,normalisation=norm)", "uniform"),
    ),
)
# synthetic_ls, as a composition.
WHOLE = {
    **{"front_end": "greedy", "source": "synthetic", "compensate": "taps", "order": "sequential"},
    **{"repair": "differential", "refit": "True", "shortcut": "True", "passes": "1"},
    "allocator": "uniform",
}


def write_attribution(results: Path, suffix: str) -> str:
    """Write figure and table of ``frontier_attribution``; the table as text and the paths."""
    rows = read_rows(results, ["frontier_attribution"], suffix)
    found = effects(panels(rows))
    name = f"frontier_attribution{suffix}_effects"
    caption = CAPTION.format(images=f"{rows[0].total:,}")
    text = write_table(frame(found), 3, caption, results / "tables" / name)
    return "\n".join([text, *map(str, save(draw(found), results / "figures" / name))])


def effects(places: Mapping[Place, Sequence[SummaryRow]]) -> list[Effect]:
    """Of every ingredient that has pairs, by network and falling ratio."""
    return [
        effect
        for place, rows in places.items()
        for ratio in sorted({row.ratio for row in rows}, reverse=True)
        for effect in _effects(title(place), ratio, [row for row in rows if row.ratio == ratio])
    ]


def frame(found: Iterable[Effect]) -> pd.DataFrame:
    """A line per effect."""
    return pd.DataFrame(
        {
            "network": effect.network,
            "ratio": f"{effect.ratio:g}",
            "ingredient": effect.ingredient,
            "in synthetic_ls": "–" if effect.whole is None else f"{effect.whole:+.1f}",
            "mean": f"{effect.mean:+.1f}",
            "least": f"{min(effect.everywhere):+.1f}",
            "most": f"{max(effect.everywhere):+.1f}",
            "pairs": str(len(effect.everywhere)),
        }
        for effect in found
    )


def _effects(network: str, ratio: float, rows: Sequence[SummaryRow]) -> Iterable[Effect]:
    for ingredient in INGREDIENTS:
        own = pairs(rows, ingredient.option, ingredient.value, ingredient.base)
        own = [pair for pair in own if ingredient.never not in pair.others]
        if not own:
            continue
        wanted = {name: value for name, value in WHOLE.items() if name != ingredient.option}
        whole = [pair.accuracy for pair in own if wanted.items() <= dict(pair.others).items()]
        points = tuple(pair.accuracy for pair in own)
        yield Effect(network, ratio, ingredient.name, points, whole[0] if whole else None)
