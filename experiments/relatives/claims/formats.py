"""Hierarchical Tucker better on matrices, tensor trains on kernels (Wu et al., the abstract).

Matrices: LeNet-300-100, whose layers are all linear; kernels: ResNet-20. Equal parameters, before
and after equal training, in the paper's order of modes (merged) and in the split one. Each is tried
at two budgets; Holm over all places of both statements.
"""

from experiments.relatives.contrasts import Contrast
from experiments.relatives.rows import STAGES

EXPERIMENT = "relatives_claims"
TRAIN, TREE = "tensor_train", "hierarchical_tucker"
ORDERS = {"split": "", "merged": "(order=merged)"}

FORMATS = tuple(
    Contrast(
        claim="formats",
        statement=f"{better} more accurate than {other} on {where}, {order} modes",
        experiment=EXPERIMENT,
        ours={"network": network, "rewriter": f"{ours}{option}"},
        theirs={"network": network, "rewriter": f"{theirs}{option}"},
        stage=stage,
    )
    for order, option in ORDERS.items()
    for better, other, where, network, ours, theirs in (
        ("HT", "TT", "matrices", "lenet300100", TREE, TRAIN),
        ("TT", "HT", "kernels", "resnet20", TRAIN, TREE),
    )
    for stage in STAGES
)
