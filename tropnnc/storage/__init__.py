"""Lossless storage of a network's weights: one file, one codec per tensor, bit-equal when read."""

from tropnnc.storage.codecs import codec_names
from tropnnc.storage.container import MAGIC, entries, restore, store
from tropnnc.storage.header import Entry

__all__ = ["MAGIC", "Entry", "codec_names", "entries", "restore", "store"]
