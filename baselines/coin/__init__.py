"""COIN++: images as latents of a network that they share (Dupont et al., TMLR 2022)."""

from baselines.coin.coder import EntropyCoder, fit_coder
from baselines.coin.encoding import decode, encode
from baselines.coin.patching import join, split
from baselines.coin.quantiser import Quantiser, fit_quantiser
from baselines.coin.siren import ModulatedSiren, SirenShape, grid
from baselines.coin.storage import bits_per_pixel, pack, unpack
from baselines.coin.training import MetaTrainer, MetaTraining

# Bumped by hand whenever the same settings give other latents or other bytes.
COIN_VERSION = 1

__all__ = [
    "COIN_VERSION",
    "EntropyCoder",
    "MetaTrainer",
    "MetaTraining",
    "ModulatedSiren",
    "Quantiser",
    "SirenShape",
    "bits_per_pixel",
    "decode",
    "encode",
    "fit_coder",
    "fit_quantiser",
    "grid",
    "join",
    "pack",
    "split",
    "unpack",
]
