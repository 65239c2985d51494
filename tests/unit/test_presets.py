"""Named compositions against transcriptions of their formulas on whole networks."""

from __future__ import annotations

import copy
from math import erfc, exp, pi, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor, nn

from tests.contract.algebra import Recorder
from tests.units import clusters_of
from tropnnc import compress, make_method
from tropnnc.composition import gaussian_ls, grail, tropnnc_gaussian
from tropnnc.unit import Array

RIDGE, EPS = 1e-3, 1e-5
INPUTS = torch.randn(7, 5, generator=torch.Generator().manual_seed(1)).double()


def normal_pair(h: float, k: float, r: float) -> float:
    """``E[(h + x)₊(k + y)₊]``, ``x, y`` standard normal with correlation r (Rosenbaum 1961)."""

    def below(x: float) -> float:
        return erfc(-x / sqrt(2)) / 2

    def density(x: float) -> float:
        return exp(-x * x / 2) / sqrt(2 * pi)

    if r > 1 - 1e-9:
        assert h == pytest.approx(k)
        return (h * h + 1) * below(h) + h * density(h)
    q = sqrt(1 - r * r)
    correlated: Any = [[1, r], [r, 1]]
    both = float(multivariate_normal.cdf([h, k], mean=[0, 0], cov=correlated))
    edge = k * density(h) * below((k - r * h) / q) + h * density(k) * below((h - r * k) / q)
    distance = (h * h - 2 * r * h * k + k * k) / (2 * q * q)
    return (h * k + r) * both + edge + q * exp(-distance) / (2 * pi)


def gram_of(mean: Array, covariance: Array) -> Array:
    s = np.sqrt(np.diag(covariance))
    gram = np.empty_like(covariance)
    for i, j in np.ndindex(gram.shape):
        scale = float(s[i] * s[j])
        h, k = float(mean[i] / s[i]), float(mean[j] / s[j])
        gram[i, j] = scale * normal_pair(h, k, float(covariance[i, j]) / scale)
    return gram


def mean_of(mean: Array, covariance: Array) -> Array:
    s = np.sqrt(np.diag(covariance))
    h = mean / s
    below = np.array([erfc(-x / sqrt(2)) / 2 for x in h])
    return mean * below + s * np.exp(-(h**2) / 2) / sqrt(2 * pi)


def network() -> nn.Sequential:
    """Linear, batch norm, ReLU, linear, batch norm; γ of either sign."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4), nn.BatchNorm1d(4)
    )
    for module in (model[1], model[4]):
        assert isinstance(module, nn.BatchNorm1d)
        nn.init.normal_(module.weight)
        nn.init.normal_(module.bias)
        module.get_buffer("running_mean").normal_()
        module.get_buffer("running_var").uniform_(0.5, 2.0)
    return model.double().eval()


def law(model: nn.Sequential) -> tuple[Array, Array]:
    """Mean β; covariance γ_iγ_j cos(a_i, a_j), but for the eps of the batch norm."""
    a = model.get_parameter("0.weight").detach().numpy()
    norm = model.get_submodule("1").state_dict()
    variance = norm["running_var"].numpy()
    gamma = norm["weight"].numpy() * np.sqrt(variance / (variance + EPS))
    directions = a / np.linalg.norm(a, axis=1, keepdims=True)
    return norm["bias"].numpy(), np.outer(gamma, gamma) * (directions @ directions.T)


def repaired(model: nn.Sequential, new: Array, joint: tuple[Array, Array]) -> nn.BatchNorm1d:
    """The second batch norm for outgoing weights ``new`` on activations of ``joint`` moments."""
    mean, covariance = law(model)
    gram, means = gram_of(mean, covariance), mean_of(mean, covariance)
    old = model.get_parameter("3.weight").detach().numpy()
    behind = copy.deepcopy(model[4])
    assert isinstance(behind, nn.BatchNorm1d)
    before = np.diag(old @ (gram - np.outer(means, means)) @ old.T)
    after = np.diag(new @ (joint[0] - np.outer(joint[1], joint[1])) @ new.T)
    behind.get_buffer("running_var").mul_(torch.from_numpy(np.clip(after / before, 0.05, 1.5)))
    behind.get_buffer("running_mean").add_(torch.from_numpy(new @ joint[1] - old @ means))
    return behind


def output(model: nn.Sequential, hidden: Array, new: Array, behind: nn.BatchNorm1d) -> Tensor:
    bias = model.get_parameter("3.bias").detach()
    return behind(torch.from_numpy(np.maximum(hidden, 0) @ new.T) + bias).detach()


def preactivations(model: nn.Sequential) -> Array:
    return model[:2](INPUTS).detach().numpy()


def ridged(inner: Array) -> Array:
    return inner + RIDGE * np.mean(np.diag(inner)) * np.eye(len(inner))


def test_gaussian_ls() -> None:
    model = network()
    small, _ = compress(model, INPUTS, gaussian_ls(), 0.5)
    mean, covariance = law(model)
    gram, outgoing = gram_of(mean, covariance), model.get_parameter("3.weight").detach().numpy()
    residual, kept = gram.copy(), []
    for _ in range(3):
        gain = [
            -1.0 if j in kept else np.sum((outgoing @ residual[:, j]) ** 2) / residual[j, j]
            for j in range(6)
        ]
        j = int(np.argmax(gain))
        kept.append(j)
        residual = residual - np.outer(residual[:, j], residual[j]) / residual[j, j]
    kept.sort()
    inner = gram[np.ix_(kept, kept)]
    new = outgoing @ gram[:, kept] @ np.linalg.inv(ridged(inner))
    behind = repaired(model, new, (inner, mean_of(mean, covariance)[kept]))
    expected = output(model, preactivations(model)[:, kept], new, behind)
    torch.testing.assert_close(small(INPUTS), expected, rtol=1e-4, atol=1e-5)


def test_tropnnc_gaussian() -> None:
    model = network()
    small, _ = compress(model, INPUTS, tropnnc_gaussian(), 0.5)
    recorder = Recorder(make_method("tropnnc"))
    compress(model, INPUTS, recorder, 0.5)
    labels = clusters_of(recorder.answers["0"])
    mixing = np.array([(labels == c) / np.sum(labels == c) for c in range(3)])
    mean, covariance = law(model)
    both = np.concatenate([np.eye(6), mixing])
    gram = gram_of(both @ mean, both @ covariance @ both.T)
    cross, inner = gram[:6, 6:], gram[6:, 6:]
    new = model.get_parameter("3.weight").detach().numpy() @ cross @ np.linalg.inv(ridged(inner))
    merged = mixing @ covariance @ mixing.T
    behind = repaired(model, new, (inner, mean_of(mixing @ mean, merged)))
    expected = output(model, preactivations(model) @ mixing.T, new, behind)
    torch.testing.assert_close(small(INPUTS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("front_end", ["l1", "tropnnc"])
def test_grail(front_end: str) -> None:
    """``B = G Rᵀ(R G Rᵀ + λI)⁻¹`` on the dense network, two layers at once, nothing else."""
    torch.manual_seed(2)
    layers = [nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 2, stride=2), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Conv2d(8, 3, 1)).double().eval()
    batch = torch.randn(9, 2, 8, 8).double()
    recorder = Recorder(grail(front_end))
    small, _ = compress(model, batch[:1], recorder, 0.5, calibration=batch)
    weights = [model.get_submodule(str(i)).get_parameter("weight").detach() for i in (0, 2, 4)]
    biases = [model.get_submodule(str(i)).get_parameter("bias").detach() for i in (0, 2, 4)]
    expected = copy.deepcopy(model)
    for layer, stop in ((0, 2), (2, 4)):
        rows = weights[layer // 2].flatten(1).numpy()
        if front_end == "l1":
            kept = sorted(np.argsort(-np.abs(rows).sum(axis=1))[: len(rows) // 2].tolist())
            reducer = np.eye(len(rows))[kept]
        else:
            labels = clusters_of(recorder.answers[str(layer)])
            reducer = np.array([(labels == c) / np.sum(labels == c) for c in range(len(rows) // 2)])
        seen = model[:stop](batch).detach().movedim(1, -1).flatten(0, 2).numpy()
        gram = seen.T @ seen / len(seen)
        inner = reducer @ gram @ reducer.T
        back = torch.from_numpy(gram @ reducer.T @ np.linalg.inv(ridged(inner)))
        _reduce(expected, layer, torch.from_numpy(reducer), back)
    assert [small.get_parameter(f"{i}.bias").shape for i in (0, 2, 4)] == [(3,), (4,), (3,)]
    assert biases[2].equal(small.get_parameter("4.bias"))
    torch.testing.assert_close(small(batch), expected(batch), rtol=1e-7, atol=1e-9)


def _reduce(model: nn.Sequential, layer: int, reducer: Tensor, back: Tensor) -> None:
    """Rows of one layer by R, columns of the next by B."""
    producer, consumer = model[layer], model[layer + 2]
    assert isinstance(producer, nn.Conv2d)
    assert isinstance(consumer, nn.Conv2d)
    assert producer.bias is not None
    producer.weight.data = torch.einsum("kn,nihw->kihw", reducer, producer.weight.data)
    producer.bias.data = reducer @ producer.bias.data
    consumer.weight.data = torch.einsum("onhw,nk->okhw", consumer.weight.data, back)
