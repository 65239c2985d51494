"""Neural Path K-means (Misiakos et al., ICLR 2022), the method that TropNNC improves."""

from tropnnc.merging import Balance, Merging


def misiakos(balance: Balance = "none", n_init: int = 10) -> Merging:
    """Cluster the neural paths; a cluster's weights, incoming and outgoing, are the **means**.

    Reconstructed (theory.md, sections 3 and 6). ``balance`` and ``n_init`` as in
    :class:`tropnnc.merging.Merging`.
    """
    return Merging(
        features="path", incoming="mean", outgoing="mean", balance=balance, n_init=n_init
    )
