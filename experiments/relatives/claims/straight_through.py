"""SR-STE better than the plain straight-through estimator (Zhou et al., 2021).

N:M from the same dense network by the same steps, λ = 2e-4 against 0. Five draws of the training at
least, t interval over draws.
"""

from experiments.relatives.contrasts import Contrast

EXPERIMENT = "relatives_claims"

STRAIGHT_THROUGH = (
    Contrast(
        claim="SR-STE",
        statement="SR-STE more accurate than plain straight-through",
        experiment=EXPERIMENT,
        ours={"rewriter": "nm"},
        theirs={"rewriter": "nm(decay=0.0)"},
        stage="after",
    ),
)
