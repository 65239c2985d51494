"""Low rank plus sparse better than either alone (Hawkins et al., the abstract).

At equal stored words, positions paid, in the same code: all of the budget for the sparse part, or
all of it for the low rank. Before and after equal training.
"""

from experiments.relatives.contrasts import Contrast
from experiments.relatives.rows import STAGES

EXPERIMENT = "relatives_claims"
BOTH = "low_rank_sparse"
ALONE = {"low rank": f"{BOTH}(shares=(1.0,))", "sparse": f"{BOTH}(shares=(0.0,))"}

SPARSE = tuple(
    Contrast(
        claim="low rank + sparse",
        statement=f"low rank + sparse more accurate than {alone} alone",
        experiment=EXPERIMENT,
        ours={"rewriter": BOTH},
        theirs={"rewriter": rewriter},
        stage=stage,
    )
    for alone, rewriter in ALONE.items()
    for stage in STAGES
)
