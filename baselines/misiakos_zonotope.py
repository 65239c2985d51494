"""Zonotope K-means (Misiakos et al., ICLR 2022), for networks with one output."""

from tropnnc.single_output import SingleOutput, Split


def misiakos_zonotope(split: Split = "proportional", n_init: int = 10) -> SingleOutput:
    """Cluster the generators of either sign; a cluster becomes the **mean** of its generators.

    Reconstructed (theory.md, sections 2 and 6). Options as in
    :class:`tropnnc.single_output.SingleOutput`.
    """
    return SingleOutput("mean", split, n_init)
