"""From overrides to configurations: a grid, and one composition per choice of groups."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

Job = tuple[str, ...]


def expand(
    params: Mapping[str, Any],
    arguments: Sequence[str],
    loader: ConfigLoader,
    grids: Sequence[Mapping[str, Any]] = (),
) -> list[Job]:
    """Cartesian product of an experiment's ``params`` and the command line's ``arguments``.

    An argument replaces the parameter of the same name; the last one varies fastest. With ``grids``
    there is one product for each: of ``params``, of which a grid may replace some or add to them.
    """
    products = [_product({**params, **grid}, arguments, loader) for grid in grids or ({},)]
    return list(dict.fromkeys(itertools.chain(*products)))


def _product(
    params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader
) -> list[Job]:
    lines = [f"{key}={value}" for key, value in params.items()] + list(arguments)
    axes: dict[str, list[str]] = {}
    for override in OverridesParser.create(config_loader=loader).parse_overrides(lines):
        key = override.get_key_element()
        axes[key] = [f"{key}={value}" for value in _values(override)]
    return list(itertools.product(*axes.values()))


def compose_jobs(jobs: Sequence[Job], master: DictConfig, loader: ConfigLoader) -> list[DictConfig]:
    """The configuration of every job.

    Hydra composes once per choice of groups (tens of milliseconds); the plain values of a job are
    written into a copy of that (under a millisecond).
    """
    parser = OverridesParser.create(config_loader=loader)
    parsed = {line: parser.parse_override(line) for line in set(itertools.chain(*jobs))}
    plain = {line for line, override in parsed.items() if _is_plain(override, loader)}
    composed: dict[Job, DictConfig] = {}
    configs = []
    for job in jobs:
        groups = tuple(line for line in job if line not in plain)
        if groups not in composed:
            composed[groups] = _without_hydra(loader.load_sweep_config(master, list(groups)))
        config = composed[groups].copy()
        own = [parsed[line] for line in job if line in plain]
        if not all(_is_known(override.key_or_group, config) for override in own):
            loader.load_sweep_config(master, list(job))  # says which one is not
        for override in own:
            OmegaConf.update(config, override.key_or_group, override.value())
        configs.append(config)
    return configs


def _values(override: Override) -> list[str]:
    if override.is_discrete_sweep():
        return list(override.sweep_string_iterator())
    return [override.get_value_element_as_str()]


def _is_plain(override: Override, loader: ConfigLoader) -> bool:
    """Whether it sets one value and takes no part in the choice of configuration files."""
    changes = not (override.is_add() or override.is_force_add() or override.is_delete())
    group = bool(loader.get_group_options(override.key_or_group))
    return changes and not group and not override.is_hydra_override()


def _is_known(key: str, config: DictConfig) -> bool:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and name in node


def _without_hydra(config: DictConfig) -> DictConfig:
    with open_dict(config):
        del config["hydra"]
    return config
