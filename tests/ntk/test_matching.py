"""σ_T by bracketing: golden roots, own residuals, and what is infeasible is said to be."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baselines.ntk_lc import TwoThreshold, coefficients, match, match_printed
from baselines.ntk_lc.activations import ABS, COS, ERF, RELU, SIGN, SIN, leaky_relu
from baselines.ntk_lc.solve_two import residual, solve_two_threshold
from tropnnc import TropnncError

# ntk_lc.md 1.4: a, thresholds and τ̃ of three ReLU layers at τ₀ = 1.
GOLDEN = [
    (2.4087, 0.9995, 2.2125, 0.84886),
    (1.6824, -0.7300, 2.0223, 0.67735),
    (1.4633, -0.4402, 1.1622, 0.67119),
]


def test_three_relu_layers() -> None:
    layers = match([RELU] * 3)
    for layer, (a, low, high, tau) in zip(layers, GOLDEN, strict=True):
        sigma = layer.activation
        assert (sigma.a, sigma.low, sigma.high) == pytest.approx((a, low, high), abs=6e-5)
        assert layer.matched.tau == pytest.approx(tau, abs=1.2e-5)
        assert layer.residual < 1e-12
        # Not only by the closed form that the solver itself uses.
        assert residual(coefficients(sigma.activation, layer.matched.scale), layer.original) < 1e-10


def test_shift_of_the_specification() -> None:
    [layer] = match([RELU])
    assert layer.shift == pytest.approx(0.3797, abs=1e-4)


@given(
    a=st.floats(0.3, 3.0),
    low=st.floats(-2.0, 2.0),
    width=st.floats(0.1, 3.0),
    scale=st.floats(0.3, 1.5),
)
@settings(max_examples=30, deadline=None)
def test_what_has_a_root_is_solved(a: float, low: float, width: float, scale: float) -> None:
    target = TwoThreshold(a, low * scale, (low + width) * scale).coefficients(scale)
    assume(min(abs(target.d1), abs(target.d2)) > 1e-3)
    found = solve_two_threshold(target, scale)
    assert residual(found.coefficients(scale), target) < 1e-10
    # Of several roots that of the smallest τ: never a larger one than the one we began with.
    assert found.coefficients(scale).tau <= target.tau * (1 + 1e-9)


@pytest.mark.parametrize("sigma", [ABS, COS, leaky_relu(0.1), leaky_relu(-0.5)])
def test_other_activations(sigma: object) -> None:
    assert isinstance(sigma, type(RELU))
    assert max(layer.residual for layer in match([sigma] * 2)) < 1e-10


def test_even_activations_have_symmetric_thresholds() -> None:
    for layer in match([ABS, COS]):
        assert layer.activation.low == pytest.approx(-layer.activation.high)
        assert layer.matched.d1 == pytest.approx(0, abs=1e-14)


def test_sign_is_matched_by_one_threshold() -> None:
    [layer] = match([SIGN])
    assert (layer.activation.a, layer.activation.low) == (pytest.approx(2.0), 0.0)
    assert layer.shift == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("sigma", [SIN, ERF])
def test_d3_without_d2_is_refused(sigma: object) -> None:
    assert isinstance(sigma, type(RELU))
    with pytest.raises(TropnncError, match="d2 = 0 accepted is d3 = 0"):
        match([sigma])


@pytest.mark.parametrize(("depth", "least"), [(2, "0.549"), (3, "0.5088")])
def test_the_printed_last_layer_is_infeasible(depth: int, least: str) -> None:
    with pytest.raises(TropnncError, match=f"Hermite–Parseval bound accepted is tau ≥ {least}"):
        match_printed([RELU] * depth)


def test_one_layer_is_not_excluded_by_the_bound_but_by_two_thresholds() -> None:
    with pytest.raises(TropnncError, match="two thresholds leave tau"):
        match_printed([RELU])
    assert match_printed([SIGN]) == match([SIGN])


def test_no_layers() -> None:
    with pytest.raises(TropnncError, match="without hidden layers"):
        match([])
