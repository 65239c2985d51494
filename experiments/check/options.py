"""What a paper might do otherwise: the options of theory.md, section 6."""

from __future__ import annotations

FEATURES = ("method.options.features=incoming", "method.options.features=direction")
BALANCE = ("method.options.balance=equalised",)
SPLIT = ("method.options.split=half",)
ORIGINAL, SEQUENTIAL = ("order=original",), ("order=sequential",)

OPTIONS: dict[str, tuple[str, ...]] = {
    "tropnnc": (
        *FEATURES,
        "method.options.incoming=rank1",
        *(f"method.options.outgoing={rule}" for rule in ("mean", "projection", "least_squares")),
        *BALANCE,
        *ORIGINAL,
    ),
    "tropnnc_iterative": (*FEATURES, *BALANCE, *ORIGINAL),
    "tropnnc_single": (*SPLIT, *ORIGINAL),
    "misiakos": (*BALANCE, *ORIGINAL),
    "misiakos_zonotope": (*SPLIT, *ORIGINAL),
    "thinet": ORIGINAL,
    "thinet_keep": ORIGINAL,
    "l1": ("method.options.bias=true", *SEQUENTIAL),
    "l2": ("method.options.bias=true", *SEQUENTIAL),
    "random": SEQUENTIAL,
}
