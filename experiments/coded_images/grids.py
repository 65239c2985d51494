"""Experiments of ``conf/coded_images/experiment``, composed by Hydra, as cells."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from baselines.coin import MetaTraining, SirenShape
from experiments.coded_images.settings import (
    LEARNED,
    Classifier,
    CodedCell,
    Coding,
    CoinSettings,
)
from experiments.settings import Machine
from experiments.track.grids import CONF as ALL
from experiments.track.grids import PLACES as ANYWHERE
from experiments.track.grids import composed_experiment, names_of
from experiments.values import integer, listed, options, real
from tropnnc.errors import TropnncError, check_choice

CONF = ALL / "coded_images"
PLACES = (*ANYWHERE, "checkpoints_dir", "device")


def experiments() -> list[str]:
    """Names of all of them."""
    return names_of(CONF)


def read_experiment(name: str, overrides: Sequence[str] = ()) -> tuple[list[CodedCell], Machine]:
    """The cells of an experiment in the order in which they are measured, and where.

    Raises:
        TropnncError: no such experiment, or a value that is not accepted.
    """
    config, machine = composed_experiment(CONF, name, overrides, PLACES)
    return _cells(config), machine


def _cells(config: Mapping[str, Any]) -> list[CodedCell]:
    classifiers = tuple(
        _classifier(each, config["networks"], config["checkpoints_dir"])
        for each in config["classifiers"]
    )
    images = integer("images", config["images"], low=1)
    coin = _coin(config["coin"])
    return [
        CodedCell(
            dataset=config["dataset"],
            images=images,
            coding=coding,
            classifiers=classifiers,
            fitted=_fitted(coding, config["fitted"]),
            coin=coin if coding.codec == "coin" else None,
        )
        for entry in config["codings"]
        for coding in _codings(entry)
    ]


def _codings(entry: Mapping[str, Any]) -> list[Coding]:
    """The product of whatever is a list; knobs vary fastest."""
    lists = {key: listed(value) for key, value in entry.items() if key != "codec"}
    layouts = lists.pop("layout", ["image"])
    return [
        Coding(entry.get("codec", ""), layout, options(dict(zip(lists, values, strict=True))))
        for layout in layouts
        for values in itertools.product(*lists.values())
    ]


def _fitted(coding: Coding, counts: Mapping[str, Any]) -> int:
    if coding.codec not in LEARNED:
        return 0
    return integer(f"fitted.{coding.codec}", counts[coding.codec], low=2)


def _classifier(
    entry: Mapping[str, Any], networks: Mapping[str, Sequence[str]], checkpoints: str
) -> Classifier:
    name = entry.get("network", "")
    check_choice("network", name, tuple(networks))
    overrides = (*networks[name], f"checkpoints_dir={checkpoints}")
    if entry.get("method") is None:
        return Classifier(name, overrides)
    ratio = real("ratio", entry.get("ratio"), low=0.0, high=1.0, open_low=True)
    return Classifier(name, overrides, entry["method"], ratio)


def _coin(config: Mapping[str, Any]) -> CoinSettings:
    patch = config["patch"]
    if patch is not None and len(listed(patch)) != 2:
        raise TropnncError(f"coin.patch = {patch} is not accepted; null or [height, width] is")
    try:
        return CoinSettings(
            shape=SirenShape(**config["shape"]),
            training=MetaTraining(**config["training"]),
            patch=None if patch is None else _patch(*patch),
            seed=integer("coin.seed", config["seed"], low=0),
        )
    except TypeError as error:
        raise TropnncError(f"coin: {error}") from error


def _patch(height: Any, width: Any) -> tuple[int, int]:
    return integer("coin.patch", height, low=1), integer("coin.patch", width, low=1)
