"""``compress`` and ``inspect``: from a network to a smaller one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import torch
from torch import Tensor, nn

from tropnnc.allocation import check_ratio, make_allocator
from tropnnc.errors import TropnncError, check_choice
from tropnnc.graph import Example, Site, Structure, discover
from tropnnc.methods import resolve_method
from tropnnc.protocols import ORDERS, Allocator, Order, Reducer
from tropnnc.report import Report, make_report
from tropnnc.rewriting import Rewriting
from tropnnc.scope import Scope, sites_in
from tropnnc.surgery import read_unit, sharing_copy, unshare
from tropnnc.unit import Pixels, Tier


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

    Returns:
        the smaller network, with the training mode, dtype, device and ``requires_grad`` of
        ``model``, and a :class:`Report`.

    Raises:
        TropnncError: bad input, in one line.
    """
    reducer = resolve_method(method)
    name = _name(method)
    order = reducer.order if order is None else order
    check_choice("order", order, ORDERS)
    images = _images_for(reducer, calibration, name)
    ratio = check_ratio(ratio)
    small, structure = _opened(model, example_input)
    sites = sites_in(structure, scope)
    chosen = make_allocator(allocator) if isinstance(allocator, str) else allocator
    widths = _widths(model, sites, chosen, ratio)
    dense = model if images is None else sharing_copy(small)
    rewriting = Rewriting(dense, small, reducer, widths, seed, pixels or Pixels(), images)
    rewrite = rewriting.original if order == "original" else rewriting.sequential
    rewrite(sites)
    unshare(small, model)
    for module, original in zip(small.modules(), model.modules(), strict=True):
        module.training = original.training
    settings = {
        "method": name, "ratio": ratio, "scope": scope, "order": order,
        "allocator": _name(allocator), "seed": seed,
    }  # fmt: skip
    if reducer.needs >= Tier.STATISTICS:
        settings["pixels"] = pixels or Pixels()
    return small, make_report(model, small, structure, sites, settings, rewriting.mixes)


def inspect(model: nn.Module, example_input: Example, scope: Scope = "all") -> Report:
    """A dry run: the units of ``model``, their cost, and why each other layer is left alone."""
    opened, structure = _opened(model, example_input)
    sites = structure.sites if scope == "all" else sites_in(structure, scope)
    return make_report(opened, opened, structure, sites, {}, {})


def _name(part: str | Reducer | Allocator) -> str:
    return part if isinstance(part, str) else type(part).__name__


def _images_for(reducer: Reducer, calibration: Tensor | None, name: str) -> Tensor | None:
    """The images, only for a method that needs any."""
    if reducer.needs < Tier.IMAGES:
        return None
    if calibration is None or len(calibration) == 0:
        raise TropnncError(f"method {name} needs images: pass calibration, a tensor of inputs")
    if not torch.isfinite(calibration).all():
        raise TropnncError("calibration has NaN or infinite entries")
    return calibration


def _opened(model: nn.Module, example: Example) -> tuple[nn.Module, Structure]:
    """A copy in evaluation mode, on the same parameters, and its structure."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not _is_finite(tensor):
            raise TropnncError(f"{name} has NaN or infinite entries")
    opened = sharing_copy(model).eval()
    return opened, discover(opened, example)


def _is_finite(tensor: Tensor) -> bool:
    """Whether all entries are: if their sum is, which is cheaper to find out, but can overflow."""
    return isfinite(tensor.sum()) or bool(torch.isfinite(tensor).all())


def _widths(
    dense: nn.Module, sites: Sequence[Site], allocator: Allocator, ratio: float
) -> Mapping[str, int]:
    state = allocator.prepare(sites, lambda site: read_unit(dense, site))
    widths = allocator.widths(state, ratio)
    for site in sites:
        k = widths[site.producer]
        if not 1 <= k <= site.neurons:
            bounds = f"accepted are 1 to {site.neurons}"
            raise TropnncError(f"{site.producer}: k = {k} is out of range, {bounds}")
    return widths
