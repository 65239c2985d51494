"""Read ``conf/claims.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.claims.claim import Claim, Contender, Network, Settings, TestedClaim, Variant
from tropnnc.errors import TropnncError


def read_claims(path: Path) -> list[Claim | TestedClaim]:
    """The claims of a YAML list.

    Raises:
        TropnncError: unreadable file, or a claim with other fields, with its id.
    """
    try:
        entries = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        raise TropnncError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(entries, list):
        raise TropnncError(f"{path}: a list of claims is accepted")
    return [_claim(path, entry) for entry in entries]


def _claim(path: Path, entry: Any) -> Claim | TestedClaim:
    name = entry.get("id") if isinstance(entry, dict) else entry
    try:
        return TestedClaim(**entry) if "test" in entry else Claim(**_typed(entry))
    except (TypeError, KeyError, ValueError, TropnncError) as error:
        raise TropnncError(f"{path}: claim {name!r}: {error}") from error


def _typed(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **entry,
        "networks": tuple(_network(network, entry["scope"]) for network in entry["networks"]),
        "ours": _contender(entry["ours"]),
        "theirs": _contender(entry["theirs"]),
        "ratios": tuple(float(ratio) for ratio in entry["ratios"]),
        "variants": tuple(_variant(variant) for variant in entry.get("variants", [])),
    }


def _network(entry: Mapping[str, Any], scope: str) -> Network:
    return Network(**{"scope": scope, **entry, "experiments": tuple(entry["experiments"])})


def _contender(entry: Mapping[str, Any]) -> Contender:
    return Contender(entry["method"], _texts(entry["settings"]))


def _variant(entry: Mapping[str, Any]) -> Variant:
    return Variant(entry["name"], _texts(entry.get("ours", {})), _texts(entry.get("theirs", {})))


def _texts(settings: Mapping[str, Any]) -> Settings:
    return {name: None if value is None else str(value) for name, value in settings.items()}
