"""How gradients are compressed, as a frozen value. Imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

# Bumped by hand whenever the same settings give other gradients or other bytes.
COMMUNICATION_VERSION = 1

TOP = "topk_"
BLOOM = "bloom_"
LOSSLESS = ("raw32", "packed", "bitmap", "gamma", "delta", "rice", "range", "smallest")
FILTERS = tuple(f"{BLOOM}{policy}" for policy in ("p0", "p1", "p2"))
CODECS = ("fp16", "powersgd", *(f"{TOP}{index}" for index in (*LOSSLESS, *FILTERS)))
VALUES = ("fp32", "bf16", "qsgd")


@dataclass(frozen=True)
class Communication:
    """How the gradients of a fine-tuning are compressed.

    Attributes:
        codec: ``fp16`` and ``powersgd`` are torch's own; ``topk_X`` sends the largest entries of
            every tensor, their positions coded by X.
        keep: share of a tensor's entries that are sent; None where the codec has no such thing.
        values: how their values are coded; likewise.
    """

    codec: str
    keep: float | None = None
    values: str | None = None

    def determinants(self) -> dict[str, Any]:
        """What enters an identity."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @property
    def index(self) -> str:
        """The codec of positions; empty where none are sent."""
        return self.codec.removeprefix(TOP) if self.codec.startswith(TOP) else ""
