"""How verdicts come about, as the page says it."""

from __future__ import annotations

from experiments.claims.claim import MARGIN
from experiments.claims.comparison import NEAR_CHANCE
from experiments.claims.rules import ALPHA, LEVEL
from experiments.report.statistics import FEW

LEGEND = f"""\
Written by `make claims` from `results/summary/*.csv` and `conf/claims.yaml`; no cell is run. \
An effect is *own method − other method* of the mean over the stated ratios, one per dense network \
(cells on one network are averaged first), positive where the own method is better. \
*Superior*: the lower end of the {LEVEL["superior"]:.0%} interval is above 0. \
*On par*: the {LEVEL["on_par"]:.0%} interval lies within ±{MARGIN["before"]:g} points before \
fine-tuning, ±{MARGIN["after"]:g} after. \
Contradicted: the interval lies wholly beyond. \
Either needs p < {ALPHA:g} after Holm's correction over the claim's networks. \
Intervals are Student's t (the resampled one beside it is a cross-check); fewer than {FEW} dense \
networks are a case study and decide nothing. \
Ratios at which both methods are within {NEAR_CHANCE:g} points of chance are left out. \
A claim's verdict is that of its networks where those that were tried agree; it is \
*option-dependent* where one option variant is supported and another one contradicted.
"""
