"""NTK-LC: random networks with ternary weights whose kernels are those of given random networks.

A track of its own. It compresses no trained weights: hidden layers are drawn, frozen, and only a
linear read-out is trained (NeurIPS 2022; arXiv 2403.00258).
"""

from baselines.ntk_lc.activations import Activation, activation
from baselines.ntk_lc.coefficients import Coefficients, coefficients
from baselines.ntk_lc.matching import Match, match, match_printed
from baselines.ntk_lc.network import RandomFeatures, ntk_lc, random_features
from baselines.ntk_lc.two_threshold import FourThreshold, TwoThreshold
from baselines.ntk_lc.weights import WeightLaw

# Bumped by hand whenever the same settings give other networks or read-outs.
NTK_LC_VERSION = 1

__all__ = [
    "NTK_LC_VERSION",
    "Activation",
    "Coefficients",
    "FourThreshold",
    "Match",
    "RandomFeatures",
    "TwoThreshold",
    "WeightLaw",
    "activation",
    "coefficients",
    "match",
    "match_printed",
    "ntk_lc",
    "random_features",
]
