"""Compositions by name."""

from __future__ import annotations

from typing import Literal, get_args

from tropnnc.composition.compensation import Mix, Scalar, Uncompensated
from tropnnc.composition.composed import Composed
from tropnnc.composition.differential import Differential
from tropnnc.composition.front_ends import Adapted, Energy, Greedy
from tropnnc.composition.gaussian import Gaussian, Inputs
from tropnnc.composition.measured import Images, Synthetic
from tropnnc.composition.parts import Compensation, FrontEnd, Repair, Source
from tropnnc.composition.repair import Analytic, Unrepaired
from tropnnc.composition.taps import Taps
from tropnnc.errors import TropnncError, check_choice
from tropnnc.methods import make_method, method_names
from tropnnc.protocols import ORDERS, Order
from tropnnc.unit import Tier

Compensate = Literal["none", "scalar", "mix", "taps"]
Sources = Literal["gaussian", "synthetic", "images"]
Repairs = Literal["none", "analytic", "differential"]

_OWN: dict[str, type[Greedy | Energy]] = {"greedy": Greedy, "energy": Energy}


def composed(
    front_end: str = "greedy",
    source: Sources = "gaussian",
    compensate: Compensate = "mix",
    repair: Repairs = "analytic",
    order: Order = "sequential",
    ridge: float = 1e-3,
    offset: bool = False,
    inputs: Inputs = "statistics",
    refit: bool = True,
    refit_ridge: float = 1e-2,
    shortcut: bool = True,
    passes: int = 1,
    count: int | None = None,
    steps: int | None = None,
    batch: int | None = None,
) -> Composed:
    """Any composition.

    Args:
        front_end: ``greedy``, ``energy``, or the name of a method that selects or merges.
        source: of the second moments: ``gaussian`` (no data), ``synthetic`` (images made from the
            weights file) or ``images``. A front end that needs images is shown those of the source.
        compensate: ``none`` leaves the front end's outgoing weights, ``scalar`` scales each neuron,
            ``mix`` fits a mixing matrix, ``taps`` every tap (``synthetic`` or ``images``).
        repair: of the consumers' outputs: ``none`` or ``analytic``; or ``differential``, of batch
            norms that no fit has touched, on the images of the source, real ones if it has none.
        order: of units; ``taps``, ``analytic`` or an offset work in ``sequential`` order only.
        ridge: of the compensation.
        offset: ``mix`` with an intercept.
        inputs: of the Gaussian model: ``statistics``, or ``isotropic``, which reads weights alone.
        refit: of ``taps``: fit the rows too.
        refit_ridge: of that fit.
        shortcut: of ``taps``: make up for what the other addend of an addition has lost.
        passes: of ``taps``: over all units.
        count: synthetic images to be made; None: 500, without batch norm 250.
        steps: of their matching; None: 50, without batch norm 300.
        batch: of them with one loss, where not all fit into memory.
    """
    check_choice("compensate", compensate, get_args(Compensate))
    check_choice("source", source, get_args(Sources))
    check_choice("repair", repair, get_args(Repairs))
    check_choice("order", order, ORDERS)
    if compensate == "taps" and source == "gaussian":
        raise TropnncError("compensate=taps needs images; accepted are source synthetic and images")
    tier = Tier.STATISTICS if source == "synthetic" else Tier.IMAGES
    compensations: dict[str, Compensation] = {
        "none": Uncompensated(),
        "scalar": Scalar(ridge),
        "mix": Mix(ridge, offset),
        "taps": Taps(ridge, refit_ridge, refit, shortcut, passes),
    }
    sources: dict[str, Source] = {
        "gaussian": Gaussian(inputs),
        "synthetic": Synthetic(count, steps, batch),
        "images": Images(),
    }
    repairs: dict[str, Repair] = {
        "none": Unrepaired(),
        "analytic": Analytic(),
        "differential": Differential(tier),
    }
    return Composed(
        make_front_end(front_end, tier), sources[source], compensations[compensate],
        repairs[repair], order,
    )  # fmt: skip


def make_front_end(name: str, images: Tier = Tier.IMAGES) -> FrontEnd:
    """``greedy``, ``energy`` or an installed method that is not itself composed.

    ``images`` is the tier of those that it is shown.
    """
    if name in _OWN:
        return _OWN[name]()
    if name not in method_names():
        accepted = ", ".join([*_OWN, *method_names()])
        raise TropnncError(f"unknown front_end {name!r}; accepted are {accepted}")
    reducer = make_method(name)
    if isinstance(reducer, Composed):
        raise TropnncError(f"front_end {name} is a composition; accepted are methods that are none")
    return Adapted(reducer, images)


def gaussian_ls(
    front_end: str = "greedy", ridge: float = 1e-3, inputs: Inputs = "statistics"
) -> Composed:
    """Gaussian least squares in closed form, no image (theory.md, section 5).

    Greedy selection, mixing matrix and analytic repair, all on moments of a Gaussian model. It puts
    known ingredients together: GRAIL's least squares with a model Gram matrix, DFQ's mean shift,
    Fold-AR's aim. There is no tropical step in it.
    """
    return composed(front_end, ridge=ridge, inputs=inputs)


def tropnnc_gaussian(ridge: float = 1e-3) -> Composed:
    """TropNNC's clusters, their means as rows; the rest as :func:`gaussian_ls`."""
    return composed("tropnnc", ridge=ridge)


def grail(front_end: str = "l1", ridge: float = 1e-3) -> Composed:
    """GRAIL (CPAL 2026, arXiv 2602.23795): any front end, least squares on the dense Gram matrix.

    ``B = G Rᵀ (R G Rᵀ + λ I)⁻¹``, R the selection or the combination, λ ``ridge`` times the mean
    diagonal of ``R G Rᵀ``.
    """
    return composed(front_end, "images", repair="none", order="original", ridge=ridge)


def synthetic_ls(
    front_end: str = "greedy",
    ridge: float = 1e-3,
    refit_ridge: float = 1e-2,
    passes: int = 1,
    count: int | None = None,
    steps: int | None = None,
    batch: int | None = None,
) -> Composed:
    """Sequential least squares over every tap on synthetic images, no image (theory.md 5.2).

    The images are matched to the batch norms (ZeroQ, DeepInversion), begun as dead leaves (Lee,
    Mumford and Huang 2001; Baradad et al. 2021); the fit with the shortcut's error in its target is
    channel pruning's (He et al. 2017). There is no tropical step in it.
    """
    return composed(
        front_end, "synthetic", "taps", "differential",
        ridge=ridge, refit_ridge=refit_ridge, passes=passes, count=count, steps=steps, batch=batch,
    )  # fmt: skip


def sequential_ls(
    front_end: str = "greedy", ridge: float = 1e-3, refit_ridge: float = 1e-2, passes: int = 1
) -> Composed:
    """As :func:`synthetic_ls`, on real images, unlabelled."""
    return composed(
        front_end, "images", "taps", "differential",
        ridge=ridge, refit_ridge=refit_ridge, passes=passes,
    )  # fmt: skip


def tropnnc_synthetic(
    ridge: float = 1e-3,
    refit_ridge: float = 1e-2,
    passes: int = 1,
    count: int | None = None,
    steps: int | None = None,
    batch: int | None = None,
) -> Composed:
    """TropNNC's clusters, their means as rows; the rest as :func:`synthetic_ls`."""
    return synthetic_ls("tropnnc", ridge, refit_ridge, passes, count, steps, batch)
