"""From a published figure to overrides of ``run.py``."""

from __future__ import annotations

import re
from pathlib import Path

from experiments.check.composing import CONF
from experiments.check.figure import Figure

# Names of the literature that are not ours once case and punctuation are dropped.
DATASETS = {"fmnist": "fashion_mnist"}
NETWORKS = {"smyrnis": "smyrnis_conv", "smyrnismaragos": "smyrnis_conv", "cnn": "smyrnis_conv"}
METHODS = {
    **{"neuralpathkmeans": "misiakos", "misiakosetal": "misiakos"},
    **{"zonotopekmeans": "misiakos_zonotope", "tropnncsingleoutput": "tropnnc_single"},
    **{"tropnncmultioutput": "tropnnc", "iterativetropnnc": "tropnnc_iterative"},
    **{"l1norm": "l1", "l2norm": "l2", "l1prune": "l1", "l2prune": "l2"},
    **{"thineticcv": "thinet", "thinettpami": "thinet_keep"},
}
DENSE = ("dense", "original", "baseline", "unpruned")
# What a network of the literature needs beyond its name.
SETTINGS = {
    ("mnist", "smyrnis_conv"): ("dataset.mean=[0]", "dataset.std=[1]"),
    ("fashion_mnist", "smyrnis_conv"): (
        *("dataset.mean=[0]", "dataset.std=[1]"),
        *("arch.channels=32", "arch.hidden=1000"),
    ),
}


class Unmapped(ValueError):
    """A figure that no cell of this suite measures: why, and what is accepted."""


def overrides_of(figure: Figure) -> tuple[str, ...]:
    """All overrides of a figure's cell but the ratio and the seed.

    Raises:
        Unmapped: data set, network, scope or method that is not at hand.
    """
    network = _choice("network", figure.network, "arch", NETWORKS)
    method = "random" if is_dense(figure) else _choice("method", figure.method, "method", METHODS)
    dataset = _choice("data set", figure.dataset, "dataset", DATASETS)
    if dataset == "imagenet_subset":
        raise Unmapped("imagenet_subset is no unbiased sample: nothing published is set beside it")
    scope = figure.scope or "all"
    if scope not in ("all", "linear", "conv"):
        raise Unmapped(f"scope {scope!r} is not known; accepted are all, linear, conv")
    if figure.ratio_definition == "none" and not is_dense(figure):
        raise Unmapped("the share kept is not stated; ratio_definition none is for dense networks")
    if figure.finetuning == "after" and not any("finetune.epochs=" in o for o in figure.overrides):
        raise Unmapped(
            "for how long it was fine-tuned is not stated; accepted is finetune.epochs=N"
            " in a column overrides"
        )
    return (
        *(f"dataset={dataset}", f"arch={network}", f"method={method}", f"scope={scope}"),
        *SETTINGS.get((dataset, network), ()),
        *_weights(figure),
        *figure.overrides,
    )


def is_dense(figure: Figure) -> bool:
    """Whether the figure is that of the dense network; at ratio 1 nothing is changed."""
    return _simple(figure.method) in DENSE


def _weights(figure: Figure) -> tuple[str, ...]:
    if not figure.checkpoint:
        return ()
    hashed = (f"arch.sha256={figure.sha256}",) if figure.sha256 else ()
    return f"arch.checkpoint={figure.checkpoint}", *hashed


def _choice(kind: str, name: str, group: str, aliases: dict[str, str]) -> str:
    """The file of ``conf/GROUP`` that ``name`` means."""
    options = sorted(path.stem for path in Path(CONF, group).glob("*.yaml"))
    known = {**aliases, **{_simple(option): option for option in options}}
    if _simple(name) not in known:
        raise Unmapped(f"{kind} {name!r} is not at hand; accepted are {', '.join(options)}")
    return known[_simple(name)]


def _simple(name: str) -> str:
    """Without case and punctuation: ``LeNet-300-100`` is ``lenet300100``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
