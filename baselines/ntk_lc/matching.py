"""Algorithm 1 of NTK-LC: two-threshold activations for a network's, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.ntk_lc.activations import Activation
from baselines.ntk_lc.coefficients import Coefficients, coefficients
from baselines.ntk_lc.feasibility import check_bounds
from baselines.ntk_lc.solve_two import RESIDUAL, residual, solve_two_threshold
from baselines.ntk_lc.two_threshold import TwoThreshold
from tropnnc.errors import TropnncError


@dataclass(frozen=True)
class Match:
    """One layer of both networks.

    Attributes:
        original: coefficients of the layer's activation at its own scale.
        activation: σ_T that takes its place.
        matched: coefficients of σ_T at the scale that it sees.
    """

    original: Coefficients
    activation: TwoThreshold
    matched: Coefficients

    @property
    def residual(self) -> float:
        """The largest relative error of ``d1²``, ``d2²`` and ``d3``."""
        return residual(self.matched, self.original)

    @property
    def shift(self) -> float:
        """``τ̃² − τ²``: by so much σ_T raises every eigenvalue of the conjugate kernel."""
        return self.matched.tau**2 - self.original.tau**2


def match(layers: Sequence[Activation], tau0: float = 1.0) -> tuple[Match, ...]:
    """σ_T for every layer, such that ``d1²``, ``d2²`` and ``d3`` are those of the original.

    ``τ`` of the last layer is not matched, as the printed algorithm has it: for deep ReLU networks
    no activation can (:func:`match_printed`). It shifts all eigenvalues alike.

    Args:
        layers: activations of the original network.
        tau0: root of the mean squared norm of the inputs.

    Raises:
        TropnncError: no layer, or one for which there is no σ_T.
    """
    if not layers:
        raise TropnncError("a network without hidden layers is not accepted")
    tau = matched_tau = tau0
    matches = []
    for layer in layers:
        original = coefficients(layer, tau)
        found = solve_two_threshold(original, matched_tau)
        matches.append(Match(original, found, found.coefficients(matched_tau)))
        tau, matched_tau = original.tau, matches[-1].matched.tau
    return tuple(matches)


def match_printed(layers: Sequence[Activation], tau0: float = 1.0) -> tuple[Match, ...]:
    """As printed: the last layer must have the original's ``τ`` too.

    The paper gives it four thresholds and three values (σ_Q). Where σ_T has that ``τ`` by itself
    (step, sign) nothing more is needed; of ReLU networks no activation of three values has it.

    Raises:
        TropnncError: by a bound no activation has it; or σ_T has not, where σ_Q might.
    """
    matches = match(layers, tau0)
    last = matches[-1]
    if abs(last.shift) <= RESIDUAL:
        return matches
    check_bounds(last.original, last.matched.scale, values=3)
    raise TropnncError(
        f"two thresholds leave tau = {last.matched.tau:.4g} instead of {last.original.tau:.4g};"
        " match d1, d2, d3 alone and fold the shift into the ridge"
    )
