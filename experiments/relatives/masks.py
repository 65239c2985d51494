"""How often N:M training changes its masks: SAD, the metric of SR-STE (Zhou et al., 2021).

The cells that SR-STE's accuracy is tried on, on LeNet-300-100, trained again with their masks
compared: Σ|E_t − E_{t−1}| over the weights, E_t the mask of step t, so that a weight that replaces
another in its group counts twice. The metric is the abstract's, the formula a reconstruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import cast

from torch import Tensor, nn
from tqdm import tqdm

from baselines.rewriters.nm import Nm, NmLearner
from experiments.bench import Bench, open_bench
from experiments.relatives.grids import read_experiment
from experiments.relatives.learning import trained
from experiments.relatives.measure import built_network
from experiments.relatives.networks import suite_cell
from experiments.relatives.parts import make_rewriter
from experiments.relatives.rows import TRACK
from experiments.relatives.settings import Cell, Rewriting, spelt_budget
from experiments.report.csv_rows import write_rows
from experiments.settings import Machine

NAME, EXPERIMENT, NETWORK = "masks", "relatives_claims", ("lenet300100", 0)


@dataclass(frozen=True)
class MaskRow:
    """One training.

    Attributes:
        decay: λ; 0 is plain straight-through.
        weights: that masks are made of.
        changes: of their entries from step to step, over the whole training.
        late: likewise, over its second half.
    """

    network: str
    pattern: str
    decay: float
    draw: int
    steps: int
    weights: int
    changes: int
    late: int


class MaskWatch:
    """Called at every step with the model in training; ``changes`` from each call to the next."""

    def __init__(self) -> None:
        self.changes: list[int] = []
        self.masks: list[Tensor] = []

    def __call__(self, model: nn.Module) -> None:
        """Compare the masks of now with those of the last call."""
        masks = [module.mask() for module in model.modules() if isinstance(module, NmLearner)]
        if self.masks:
            pairs = zip(masks, self.masks, strict=True)
            self.changes.append(sum(int((new ^ old).sum()) for new, old in pairs))
        self.masks = masks


def measure_masks(machine: Machine) -> Path:
    """Write the CSV of all trainings.

    Raises:
        TropnncError: data that are not accepted.
    """
    bench = open_bench(suite_cell(*NETWORK), machine)
    path = TRACK.summary_path(machine.results_dir, NAME)
    cells = tqdm(list(mask_cells()), desc="masks", leave=False, disable=None)
    write_rows(path, MaskRow, (astuple(mask_row(cell, bench)) for cell in cells))
    return path


def mask_cells() -> Iterator[Cell]:
    """Those of SR-STE's claim."""
    for cell in read_experiment(EXPERIMENT)[0]:
        own = cell.rewriting
        if (cell.network, cell.seed) == NETWORK and own and own.rewriter.name == "nm":
            yield cell


def mask_row(cell: Cell, bench: Bench) -> MaskRow:
    """Train ``cell``, N:M, as its record was, and count."""
    own = cast(Rewriting, cell.rewriting)
    watch = MaskWatch()
    model = built_network(cell.prepared(), bench.model).model
    trained(model, bench, cell.steps, cell.draw, cell.rate, watch)
    return MaskRow(
        cell.network,
        spelt_budget(own.budget),
        cast(Nm, make_rewriter(own.rewriter)).decay,
        cell.draw,
        cell.steps,
        sum(mask.numel() for mask in watch.masks),
        sum(watch.changes),
        sum(watch.changes[len(watch.changes) // 2 :]),
    )
