"""``compress`` and ``inspect``: from a network to a smaller one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from tropnnc.allocation import check_ratio, make_allocator
from tropnnc.errors import TropnncError, check_choice, check_finite
from tropnnc.graph import Example, Site, Structure, as_inputs, discover
from tropnnc.imagination import Recipe, imagine
from tropnnc.methods import resolve_method
from tropnnc.protocols import ORDERS, Allocator, Order, Reducer, fits_units, recipe_of
from tropnnc.report import Report, make_report
from tropnnc.rewriting import Rewriting
from tropnnc.scope import Scope, sites_in
from tropnnc.surgery import read_unit, sharing_copy, unshare
from tropnnc.unit import Pixels, Tier, Unit


def compress(
    model: nn.Module,
    example_input: Example,
    method: str | Reducer = "tropnnc",
    ratio: float = 0.5,
    scope: Scope = "all",
    order: Order | None = None,
    allocator: str | Allocator = "uniform",
    calibration: Tensor | None = None,
    pixels: Pixels | None = None,
    seed: int = 0,
    synthetic: Tensor | None = None,
) -> tuple[nn.Module, Report]:
    """A smaller dense copy of ``model``.

    Args:
        model: any module that torch.fx traces; it is not modified.
        example_input: one batch (or a tuple of inputs) that the model runs on.
        method: a name (:func:`tropnnc.method_names`) or a :class:`Reducer`.
        ratio: keep ratio, the share of each unit's neurons that stays.
        scope: ``all``, ``linear`` or ``conv`` (kind of the producer), or module names.
        order: ``original`` or ``sequential``; ``None`` is the method's own.
        allocator: how the widths are chosen.
        calibration: unlabelled images ``[N, …]`` as the model sees them, for methods that need any.
        pixels: input statistics for methods of tier ``statistics``.
        seed: of everything random.
        synthetic: images made from the weights of ``model``, for methods that work on such; they
            are made now, by the method's recipe, where none are given.

    Returns:
        the smaller network, with the training mode, dtype, device and ``requires_grad`` of
        ``model``, and a :class:`Report`.

    Raises:
        TropnncError: bad input, in one line.
    """
    reducer = resolve_method(method)
    name, pixels = _name(method), pixels or Pixels()
    order = reducer.order if order is None else order
    check_choice("order", order, ORDERS)
    recipe = recipe_of(reducer, model)
    images = _images_for(reducer, calibration, name) if recipe is None else synthetic
    ratio = check_ratio(ratio)
    small, structure = _opened(model, example_input)
    sites = sites_in(structure, scope)
    chosen = make_allocator(allocator) if isinstance(allocator, str) else allocator

    def read(site: Site) -> Unit:
        return read_unit(small, site, pixels, sites=structure.sites)

    widths = _widths(sites, read, chosen, ratio)
    mixes: Mapping[str, csr_array] = {}
    if any(widths[site.producer] < site.neurons for site in sites):
        _check_order(reducer, order, sites)
        tier = Tier.IMAGES
        if recipe is not None:
            tier, images = (
                Tier.STATISTICS,
                _made(images, small, example_input, recipe, pixels, seed),
            )
        dense = model if images is None else sharing_copy(small)
        rewriting = Rewriting(dense, small, reducer, widths, seed, pixels, images, tier)
        rewriting.run(order, structure.sites)
        mixes = rewriting.mixes
    unshare(small, model)
    _set_modes(small, model)
    settings = {
        "method": name, "ratio": ratio, "scope": scope, "order": order,
        "allocator": _name(allocator), "seed": seed,
    }  # fmt: skip
    if reducer.needs >= Tier.STATISTICS:
        settings["pixels"] = pixels
    return small, make_report(model, small, structure, sites, settings, mixes)


def inspect(model: nn.Module, example_input: Example, scope: Scope = "all") -> Report:
    """A dry run: the units of ``model``, their cost, and why each other layer is left alone."""
    opened, structure = _opened(model, example_input)
    sites = structure.sites if scope == "all" else sites_in(structure, scope)
    return make_report(opened, opened, structure, sites, {}, {})


def _name(part: str | Reducer | Allocator) -> str:
    return part if isinstance(part, str) else type(part).__name__


def _images_for(reducer: Reducer, calibration: Tensor | None, name: str) -> Tensor | None:
    """The caller's images, only for a method that needs any."""
    if reducer.needs < Tier.IMAGES:
        return None
    if calibration is None or len(calibration) == 0:
        raise TropnncError(f"method {name} needs images: pass calibration, a tensor of inputs")
    if not torch.isfinite(calibration).all():
        raise TropnncError("calibration has NaN or infinite entries")
    return calibration


def _made(
    given: Tensor | None,
    model: nn.Module,
    example: Example,
    recipe: Recipe,
    pixels: Pixels,
    seed: int,
) -> Tensor:
    """The ``given`` images, or such made now from the weights, as the model sees them."""
    first = as_inputs(example)[0]
    if given is None:
        given = imagine(model, tuple(first.shape[1:]), recipe, pixels, seed).tensor
    return given.to(first.dtype)


def _check_order(reducer: Reducer, order: Order, sites: Sequence[Site]) -> None:
    if order == "original" and fits_units(reducer):
        name = sites[0].producer
        raise TropnncError(f"{name}: a fit of every tap works in sequential order only")


def _set_modes(small: nn.Module, model: nn.Module) -> None:
    """Every module of ``small`` in training or evaluation mode, as in ``model``."""
    for module, original in zip(small.modules(), model.modules(), strict=True):
        module.training = original.training


def _opened(model: nn.Module, example: Example) -> tuple[nn.Module, Structure]:
    """A copy in evaluation mode, on the same parameters, and its structure."""
    check_finite(model.state_dict())
    opened = sharing_copy(model).eval()
    return opened, discover(opened, example)


def _widths(
    sites: Sequence[Site], read: Callable[[Site], Unit], allocator: Allocator, ratio: float
) -> Mapping[str, int]:
    state = allocator.prepare(sites, read)
    widths = allocator.widths(state, ratio)
    for site in sites:
        k = widths[site.producer]
        if not 1 <= k <= site.neurons:
            bounds = f"accepted are 1 to {site.neurons}"
            raise TropnncError(f"{site.producer}: k = {k} is out of range, {bounds}")
    return widths
