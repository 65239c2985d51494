"""Read-outs against dense solves, and storage by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from baselines.ntk_lc.readout import best, logistic_path, penalties, ridge_path
from baselines.ntk_lc.storage import binary_entropy, hidden_bits, readout_bits
from tropnnc import TropnncError
from tropnnc.unit import Array, IntArray


def problem(n: int, d: int, classes: int) -> tuple[Array, IntArray]:
    rng = np.random.default_rng(n + d)
    labels = rng.integers(0, classes, n)
    return rng.normal(size=(n, d)) + np.eye(classes, d)[labels], labels


@given(n=st.integers(5, 30), d=st.integers(2, 30), log=st.floats(-3, 2))
@settings(max_examples=30, deadline=None)
def test_ridge_is_the_dense_solve(n: int, d: int, log: float) -> None:
    """Of the augmented system with an offset that costs nothing, wide or not."""
    features, labels = problem(n, d, 3)
    penalty = 10.0**log
    [found] = ridge_path(features, labels, 3, [penalty])
    augmented = np.column_stack([features, np.ones(n)])
    rest = np.diag([*[penalty] * d, 0.0])
    dense = np.linalg.solve(augmented.T @ augmented + rest, augmented.T @ np.eye(3)[labels])
    assert found.weights == pytest.approx(dense[:-1], rel=1e-6, abs=1e-8)
    assert found.offset == pytest.approx(dense[-1], rel=1e-6, abs=1e-8)


def test_a_shift_of_the_kernel_is_a_penalty() -> None:
    """Kernel K + shift·I at one penalty predicts as K at penalty + shift: why it is folded in."""
    features, labels = problem(40, 6, 3)
    shift, n = 0.7, 40
    centring = np.eye(n) - 1 / n
    roots = np.asarray(np.linalg.cholesky(features @ features.T + shift * np.eye(n)), np.float64)
    [plain] = ridge_path(features, labels, 3, [1.7])
    [shifted] = ridge_path(roots, labels, 3, [1.0])
    # The dual coefficients agree: (K + shift + 1)⁻¹ Y = (K + 1.7)⁻¹ Y.
    y = centring @ np.eye(3)[labels]
    dual = np.linalg.solve(centring @ features @ features.T @ centring + 1.7 * np.eye(n), y)
    assert plain.weights == pytest.approx((centring @ features).T @ dual)
    assert shifted.weights == pytest.approx((centring @ roots).T @ dual)


def test_penalties() -> None:
    assert penalties([0.1, 10], tau=2.0, reference=2.0, shift=0.0) == pytest.approx([0.4, 40])
    # τ² = 1 + 3: own grid .4 and 40, the other's .1 and 10 less 3; −2.9 is no penalty.
    assert penalties([0.1, 10], tau=2.0, reference=1.0, shift=3.0) == pytest.approx([0.4, 7, 40])
    with pytest.raises(TropnncError, match="positive"):
        list(ridge_path(np.eye(3), np.arange(3), 3, [0.0]))


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_a_minimum(classes: int) -> None:
    features, labels = problem(60, 4, classes)
    found = list(logistic_path(features, labels, [1.0, 4.0]))
    assert [one.penalty for one in found] == [4.0, 1.0]
    one = found[-1]

    def loss(flat: Array) -> float:
        """Of two classes scikit-learn penalises the difference of their weights."""
        weights = flat.reshape(5, classes)
        scores = features @ weights[:4] + weights[4]
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        penalised = weights[:4] if classes > 2 else weights[:4, 1] - weights[:4, 0]
        return float(-logs[np.arange(60), labels].sum() + 0.5 * (penalised**2).sum())

    least = minimize(loss, np.zeros(5 * classes), method="BFGS").fun
    assert loss(np.vstack([one.weights, one.offset]).ravel()) == pytest.approx(least, abs=1e-3)
    assert one.correct(features, labels) > 60 * 0.6


def test_validation_chooses() -> None:
    features, labels = problem(60, 4, 3)
    fits = list(ridge_path(features[:30], labels[:30], 3, [1e-3, 1.0, 1e6]))
    chosen = best(iter(fits), features[30:], labels[30:])
    counts = [fit.correct(features[30:], labels[30:]) for fit in fits]
    assert chosen.correct(features[30:], labels[30:]) == max(counts)
    assert chosen.penalty == max(
        f.penalty for f, count in zip(fits, counts, strict=True) if count == max(counts)
    )
    with pytest.raises(TropnncError, match="no penalty"):
        best(iter([]), features, labels)


def test_bits_of_the_papers_networks() -> None:
    """The widths of ntk_lc.md 1.5, to the digits read off the paper's figure."""
    weights = 784 * 1500 + 2 * 1500**2
    assert hidden_bits(weights, weights, ternary=False)["nominal"] == pytest.approx(
        1.82e8, rel=3e-3
    )
    for sparsity, printed in ((0.0, 1.14e7), (0.5, 5.69e6), (0.9, 1.15e6)):
        nonzeros = round((1 - sparsity) * weights)
        assert hidden_bits(weights, nonzeros, True)["nominal"] == pytest.approx(printed, rel=0.02)


def test_bits_by_hand() -> None:
    # 1,000 weights, 100 of them ±1: a bit each for where, a sign; entropy .469 + .1 bits a weight.
    assert hidden_bits(1000, 100, ternary=True) == pytest.approx(
        {"nominal": 200, "positions": 1100, "entropy": 568.9956, "seed": 64, "float32": 32000}
    )
    # Without zeros nobody needs to say where they are.
    assert hidden_bits(1000, 1000, True)["positions"] == 1000
    assert hidden_bits(1000, 1000, True)["entropy"] == 1000
    # Floats, pruned to a tenth, or trained: no seed.
    assert hidden_bits(1000, 100, ternary=False) == pytest.approx(
        {"nominal": 3200, "positions": 4200, "entropy": 3668.9956, "seed": 64, "float32": 32000}
    )
    assert hidden_bits(1000, 1000, False, drawn=False)["seed"] == 32000
    assert readout_bits(50, 10, thresholds=8) == 32 * (10 * 51 + 8)
    with pytest.raises(TropnncError, match="non-zeros of"):
        hidden_bits(10, 11, True)


@pytest.mark.parametrize(
    ("sparsity", "bits"), [(0.0, 1.0), (0.5, 1.5), (0.8, 0.922), (0.9, 0.569), (0.95, 0.336)]
)
def test_entropy_of_the_ternary_law(sparsity: float, bits: float) -> None:
    """ntk_lc.md 1.5, bits per weight."""
    assert binary_entropy(sparsity) + (1 - sparsity) == pytest.approx(bits, abs=6e-4)
