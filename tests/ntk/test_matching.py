"""σ_T by bracketing: golden roots, own residuals, and what is infeasible is said to be."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baselines.ntk_lc import FourThreshold, TwoThreshold, coefficients, match, match_printed
from baselines.ntk_lc.activations import ABS, COS, ERF, RELU, SIGN, SIN, leaky_relu
from baselines.ntk_lc.feasibility import hermite_parseval_bound, quantisation_bound
from baselines.ntk_lc.solve_two import residual, solve_two_threshold
from tropnnc import TropnncError

# ntk_lc.md 1.4: a, thresholds and τ̃ of three ReLU layers at τ₀ = 1. Its τ̃ of layers 2 and 3 are one
# off in the last digit printed: in 30 digits the equations give the figures of EXACT.
GOLDEN = [
    (2.4087, 0.9995, 2.2125, 0.84886),
    (1.6824, -0.7300, 2.0223, 0.67735),
    (1.4633, -0.4402, 1.1622, 0.67119),
]
EXACT = [
    (2.4087431, 0.99953094, 2.2125335, 0.84885778),
    (1.6823738, -0.7299542, 2.0223330, 0.67734414),
    (1.4632634, -0.44019044, 1.1621732, 0.67117998),
]


def test_three_relu_layers() -> None:
    layers = match([RELU] * 3)
    for layer, (*sigma_t, tau), exact in zip(layers, GOLDEN, EXACT, strict=True):
        sigma = layer.activation
        found = (sigma.a, sigma.low, sigma.high)
        assert [round(x, 4) for x in found] == sigma_t
        assert layer.matched.tau == pytest.approx(tau, abs=1.2e-5)
        assert (*found, layer.matched.tau) == pytest.approx(exact, rel=1e-7)
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


def test_one_relu_layer_meets_the_parseval_bound_but_no_three_values_do() -> None:
    target = coefficients(RELU, 1.0)
    # ntk_lc.md 1.4: τ² .341 against .330.
    assert target.tau > hermite_parseval_bound(target.d1, target.d2, 1.0)
    with pytest.raises(TropnncError, match="no activation of 3 values"):
        match_printed([RELU])
    assert match_printed([SIGN]) == match([SIGN])


def test_what_no_bound_excludes_is_not_called_infeasible() -> None:
    """Three values have their own coefficients, and σ_T has them with another τ."""
    with pytest.raises(
        TropnncError, match=r"two thresholds leave tau = 0\.6176 instead of 0\.5662"
    ):
        match_printed([FourThreshold(1.0, -0.5, -1.2, -0.6, 0.8, 1.4).activation])


@pytest.mark.parametrize(("values", "error"), [(1, 1.0), (2, 0.3634), (3, 0.1902), (4, 0.1175)])
def test_best_quantisers_of_a_gaussian(values: int, error: float) -> None:
    """Max 1960, table I."""
    assert quantisation_bound(1.0, 0.0, 1.0, values) ** 2 - 1 == pytest.approx(error, abs=4e-3)


@given(
    outer=st.floats(-2.0, 2.0),
    inner=st.floats(-2.0, 2.0),
    centre=st.floats(-1.0, 1.0),
    half=st.floats(0.05, 1.0),
    gap=st.floats(0.05, 1.0),
)
@settings(max_examples=25, deadline=None)
def test_four_thresholds_are_above_the_bound_of_three_values(
    outer: float, inner: float, centre: float, half: float, gap: float
) -> None:
    ends = (-half - gap, -half, half, half + gap)
    found = FourThreshold(outer, inner, *(centre + end for end in ends)).coefficients(1.0)
    assert found.tau**2 >= quantisation_bound(found.d1, found.d2, 1.0, 3) ** 2 * (1 - 4e-3)


def test_no_layers() -> None:
    with pytest.raises(TropnncError, match="without hidden layers"):
        match([])
