"""The nonlinear tensor ring better than the ring, after equal training.

The paper's placement of the activation was not to be seen: ReLU behind the input's cores and the
kernel, at once and annealed (ours). Five draws of the training at least, t interval over draws.
"""

from experiments.relatives.contrasts import Contrast

EXPERIMENT = "relatives_claims"

RING = tuple(
    Contrast(
        claim="nonlinear ring",
        statement=f"nonlinear ring{how} more accurate than the ring after equal training",
        experiment=EXPERIMENT,
        ours={"rewriter": f"nonlinear_ring{option}"},
        theirs={"rewriter": "tensor_ring"},
        stage="after",
    )
    for how, option in (("", ""), (", annealed,", "(anneal=True)"))
)
