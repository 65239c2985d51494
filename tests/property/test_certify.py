"""The certificate is never passed: by random inputs, nor by gradient ascent on the ball."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.contract.methods import METHODS, calibration_for, make
from tests.networks import ZOO, build, images
from tropnnc import Certificate, Reduction, Report, Tier, TropnncError, Unit, certify, compress
from tropnnc.errors import UnsupportedUnit
from tropnnc.protocols import ORDERS, Order

RADII = (0.3, 3.0, 30.0)


def largest_gap(
    one: nn.Module, other: nn.Module, shape: tuple[int, ...], radius: float, steps: int = 12
) -> float:
    """Largest ``‖f(x) − f̃(x)‖`` found by projected gradient ascent on the ball."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    inputs = _onto_ball(inputs * 1e9, radius)
    largest = 0.0
    for _ in range(steps):
        inputs.requires_grad_()
        gaps = (one(inputs) - other(inputs)).flatten(1).norm(dim=1)
        largest = max(largest, float(gaps.detach().max()))
        (slope,) = torch.autograd.grad(gaps.sum(), inputs)
        step = slope / slope.flatten(1).norm(dim=1).clamp(min=1e-300).reshape(-1, *[1] * len(shape))
        inputs = _onto_ball(inputs.detach() + 0.5 * radius * step, radius)
    return largest


def _onto_ball(inputs: Tensor, radius: float) -> Tensor:
    norms = inputs.flatten(1).norm(dim=1).reshape(-1, *[1] * (inputs.ndim - 1))
    return inputs * (radius / norms.clamp(min=1e-300)).clamp(max=1)


def _compressed(
    method: str, network: str, order: Order, ratio: float = 0.5, seed: int = 0
) -> tuple[nn.Module, nn.Module, Report]:
    dense, images_seen = build(network, seed).double(), calibration_for(method, network)
    try:
        small, report = compress(
            dense,
            images(network, 2).double(),
            make(method),
            ratio,
            order=order,
            calibration=None if images_seen is None else images_seen.double(),
            seed=seed,
        )
    except UnsupportedUnit as error:
        pytest.skip(str(error))
    return dense, small, report


def _certify(
    network: str, dense: nn.Module, small: nn.Module, radius: float, report: Report | None = None
) -> Certificate:
    return certify(dense, small, images(network, 1).double(), radius, report)


@pytest.mark.parametrize("method", METHODS)
def test_a_small_network_stays_within_it(method: str) -> None:
    network = "binary" if "zonotope" in method or "single" in method else "mlp"
    dense, small, report = _compressed(method, network, make(method).order)
    gap = largest_gap(dense, small, ZOO[network].input, radius=3.0)
    known = _certify(network, dense, small, 3.0, report)
    assert 0 < gap <= known.bound
    assert gap <= _certify(network, dense, small, 3.0).bound
    assert set(report.mixes) == {unit.name for unit in known.units}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [name for name in ZOO if ZOO[name].homogeneous])
@pytest.mark.parametrize("order", ORDERS)
def test_every_method_on_every_network_in_both_orders(
    method: str, network: str, order: Order
) -> None:
    dense, small, report = _compressed(method, network, order)
    gaps = [largest_gap(dense, small, ZOO[network].input, radius) for radius in RADII]
    for gap, radius in zip(gaps, RADII, strict=True):
        assert gap <= _certify(network, dense, small, radius, report).bound
        assert gap <= _certify(network, dense, small, radius).bound
    assert gaps[-1] > 0


@pytest.mark.parametrize("method", ["tropnnc", "thinet_full"])
@pytest.mark.parametrize("network", ["lenet5", "vgg", "resnet", "branches"])
def test_two_methods_on_every_convolutional_network(method: str, network: str) -> None:
    dense, small, report = _compressed(method, network, "sequential", ratio=0.7)
    gap = largest_gap(dense, small, ZOO[network].input, 30.0, steps=5)
    assert 0 < gap <= _certify(network, dense, small, 30.0, report).bound


class Overlap(nn.Module):
    """Overlapping max-pools on either side of the ReLU, then a residual sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 5, 3, padding=1)
        self.skip, self.head = nn.Conv2d(1, 5, 1, stride=4), nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.max_pool2d(F.relu(F.max_pool2d(self.first(x), 3, 2, 1)), 3, 2, 1)
        return self.head((self.second(hidden) + self.skip(x)).flatten(1))


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(["misiakos", "tropnnc", "l1", "signed"]),
    st.integers(0, 2),
)
def test_overlapping_pools_and_large_positive_weights(seed: int, method: str, size: int) -> None:
    """Weights of one sign on constant-sign maps: errors of taps and windows add up."""
    torch.manual_seed(seed)
    model = Overlap().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((parameter.abs() if seed % 2 else parameter) * 10 ** (size - 1))
    example = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    reducer = Signed() if method == "signed" else make(method)
    small, report = compress(model, example, reducer, 0.4, seed=seed)
    radius = RADII[seed % 3]
    gap = largest_gap(model, small, (1, 8, 8), radius, steps=5)
    assert gap <= certify(model, small, example, radius, report).bound
    assert gap <= certify(model, small, example, radius).bound


class Signed:
    """Random rows and a dense mixing matrix of both signs."""

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, np.random.Generator]:
        return unit, rng

    def reduce(self, state: tuple[Unit, np.random.Generator], k: int) -> Reduction:
        unit, rng = state
        combination = rng.normal(size=(k, unit.neurons))
        mix = rng.normal(size=(unit.neurons, k))
        return Reduction(combination @ unit.incoming, mix, combination=combination)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(["misiakos", "tropnnc", "l1", "signed"]),
    st.integers(0, 2),
)
def test_relu6_is_passed(seed: int, method: str, size: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(4, 9), nn.ReLU6(), nn.Linear(9, 8), nn.Hardtanh(0.0, 2.0), nn.Linear(8, 3)
    ).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10.0 ** (size - 1))
    example = torch.zeros(1, 4, dtype=torch.float64)
    reducer = Signed() if method == "signed" else make(method)
    small, report = compress(model, example, reducer, 0.4, seed=seed)
    radius = RADII[seed % 3]
    gap = largest_gap(model, small, (4,), radius)
    assert gap <= certify(model, small, example, radius, report).bound * (1 + 1e-9)
    assert gap <= certify(model, small, example, radius).bound * (1 + 1e-9)


class TenTimes(Signed):
    """The first neuron's row divided by ten, its column times ten."""

    def reduce(self, state: tuple[Unit, np.random.Generator], k: int) -> Reduction:
        combination, mix = np.array([[0.1, 0.0]]), np.array([[10.0], [0.0]])
        return Reduction(combination @ state[0].incoming, mix, combination=combination)


@pytest.mark.parametrize(("activation", "gap"), [(nn.ReLU(), 0.0), (nn.ReLU6(), 54.0)])
def test_a_rescaled_neuron_is_free_unless_its_relu_is_clipped(
    activation: nn.Module, gap: float
) -> None:
    """``10·relu6(x)`` for ``relu6(10 x)``: 54 apart at 6."""
    hidden, out = nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor([[10.0], [0.0]]))
        out.weight.fill_(1.0)
    model, six = nn.Sequential(hidden, activation, out).double(), torch.full((1, 1), 6.0).double()
    small, report = compress(model, six, TenTimes(), 0.5)
    assert float((model(six) - small(six)).detach().abs()) == pytest.approx(gap)
    bounds = [certify(model, small, six, 6.0, each).bound for each in (report, None)]
    assert min(bounds) >= gap - 1e-9
    assert max(bounds) < 1e-6 or gap


@pytest.mark.parametrize(
    ("network", "unit", "stage"),
    [("inverted", "stem.0", "depthwise"), ("shuffle", "wide", "first")],
)
def test_a_reduced_unit_with_a_depthwise_convolution_is_refused(
    network: str, unit: str, stage: str
) -> None:
    dense, example = build(network).double(), images(network, 1).double()
    for ratio in (0.01, 0.5):
        small, report = compress(dense, example, "tropnnc", ratio, scope=[unit])
        with pytest.raises(
            UnsupportedUnit, match=rf"^{unit}: .* depthwise .*\({stage}\)"
        ) as raised:
            certify(dense, small, example, 1.0, report)
        assert "\n" not in str(raised.value)


def test_one_layer_between_sum_rule_and_truth() -> None:
    """(B5) attained: ``‖C‖·ρ·‖w − w̃‖`` on the input along ``w − w̃``, both neurons active."""
    hidden, out = nn.Linear(1, 2).double(), nn.Linear(2, 1).double()
    model = nn.Sequential(hidden, nn.ReLU(), out)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor([[2.0], [1.0]]))
        hidden.bias.copy_(torch.tensor([2.0, 1.0]))
        out.weight.copy_(torch.tensor([[1.0, -1.0]]))
    small, report = compress(model, torch.zeros(1, 1).double(), make("tropnnc"), 0.5)
    certificate = certify(model, small, torch.zeros(1, 1).double(), 2.0, report)
    one = torch.full((1, 1), 2.0, dtype=torch.float64)
    assert float((model(one) - small(one)).detach().abs()) == pytest.approx(3.0)
    assert certificate.bound == pytest.approx(3.0)


def test_a_flattened_map_of_constants_attains_it() -> None:
    """Neurons 1 and 3 become 2 at 16 positions that all add up: 32, where squares would give 8."""
    producer, out = nn.Conv2d(1, 2, 3, padding=1).double(), nn.Linear(32, 1).double()
    model = nn.Sequential(producer, nn.ReLU(), nn.Flatten(), out)
    with torch.no_grad():
        producer.weight.zero_()
        producer.bias.copy_(torch.tensor([1.0, 3.0]))  # pyright: ignore[reportOptionalMemberAccess]
        out.weight.copy_(torch.tensor([1.0, -1.0]).repeat_interleave(16))
    inputs = torch.zeros(1, 1, 4, 4).double()
    small, report = compress(model, inputs, make("tropnnc"), 0.5)
    assert float((model(inputs) - small(inputs)).detach().abs()) == pytest.approx(32)
    assert certify(model, small, inputs, 0.0, report).bound == pytest.approx(32)


def test_an_overlapping_max_pool_attains_it() -> None:
    """A lost neuron's impulse fills nine windows: three times its norm."""
    producer, out = nn.Conv2d(1, 2, 1, bias=False).double(), nn.Conv2d(2, 1, 1).double()
    model = nn.Sequential(producer, nn.ReLU(), nn.MaxPool2d(3, 1, 1), out)
    with torch.no_grad():
        producer.weight.copy_(torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1))
        out.weight.copy_(torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1))
    impulse = torch.zeros(1, 1, 5, 5).double()
    impulse[..., 2, 2] = 7.0
    small, report = compress(model, impulse, make("l1"), 0.5)
    assert float((model(impulse) - small(impulse)).detach().norm()) == pytest.approx(21)
    assert certify(model, small, impulse, 7.0, report).bound == pytest.approx(21)


@pytest.mark.parametrize("network", list(ZOO))
def test_nothing_removed_costs_nothing(network: str) -> None:
    dense, small, report = _compressed("tropnnc", network, "sequential", ratio=1.0)
    certificate = _certify(network, dense, small, 10.0, report)
    assert (certificate.bound, certificate.units, certificate.rest) == (0.0, (), 0.0)


def test_copies_merge_for_free() -> None:
    dense = build("resnet").double()
    with torch.no_grad():
        for name, tensor in dense.state_dict().items():
            if name.startswith(("block1.conv1", "block1.bn1")) and tensor.ndim:
                tensor[4:] = tensor[:4]
    example = images("resnet", 1).double()
    small, report = compress(dense, example, make("tropnnc_spherical"), 0.5, scope=["block1.conv1"])
    assert certify(dense, small, example, 3.0, report).bound < 1e-9
    assert certify(dense, small, example, 3.0).bound < 1e-9


def test_it_is_affine_in_the_radius() -> None:
    """One Lipschitz constant, one constant from the biases, up to which rule is the smaller."""
    dense, small, report = _compressed("tropnnc", "lenet5", "sequential")
    origin, near, far = (_certify("lenet5", dense, small, r, report).bound for r in (0, 1e3, 1e4))
    assert largest_gap(dense, small, ZOO["lenet5"].input, 0.0, steps=1) <= origin < near
    assert (far - origin) / (near - origin) == pytest.approx(10, rel=0.05)


def test_training_mode_and_weights_are_left_as_they_are() -> None:
    dense, small, report = _compressed("tropnnc", "vgg", "sequential")
    dense.train()
    state = copy.deepcopy(dense.state_dict())
    bound = _certify("vgg", dense, small, 1.0, report).bound
    assert dense.training
    assert all(torch.equal(state[name], tensor) for name, tensor in dense.state_dict().items())
    assert bound == _certify("vgg", dense.eval(), small, 1.0, report).bound


def test_a_changed_consumer_is_in_the_bound() -> None:
    """Fine-tuning after the compression: what no mixing matrix explains is the rest."""
    dense, small, report = _compressed("tropnnc", "mlp", "sequential")
    before = _certify("mlp", dense, small, 3.0, report)
    with torch.no_grad():
        small.get_parameter("6.weight").add_(0.5)
        small.get_parameter("6.bias").add_(1.0)
    after = _certify("mlp", dense, small, 3.0, report)
    assert before.rest < 1e-9
    assert after.rest > 1
    assert after.bound - after.rest == pytest.approx(before.bound - before.rest)
    assert largest_gap(dense, small, (1, 4, 4), 3.0) <= after.bound


def test_the_table_names_every_unit() -> None:
    dense, small, report = _compressed("tropnnc", "resnet", "sequential")
    certificate = _certify("resnet", dense, small, 2.0, report)
    lines = str(certificate).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["block1.conv1", "block2.conv1"]
    assert "8 → 4" in lines[1]
    assert lines[-1] == f"network bound: {certificate.bound:.4g} for inputs of norm up to 2"
    shares = sum(unit.share for unit in certificate.units) + certificate.rest
    assert shares == pytest.approx(certificate.bound)
    assert "mix" not in str(report)
    assert "mix" not in repr(report)


class OptionA(nn.Module):
    """A residual block whose shortcut drops pixels and pads channels."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Conv2d(2, 6, 3, 2, 1), nn.Conv2d(6, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x).relu()) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1))


def test_a_shortcut_without_parameters_is_passed() -> None:
    torch.manual_seed(0)
    model, example = OptionA().double(), torch.zeros(2, 2, 6, 6).double()
    small, report = compress(model, example, make("tropnnc"), 0.5)
    gap = largest_gap(model, small, (2, 6, 6), 3.0)
    assert 0 < gap <= certify(model, small, example, 3.0, report).bound < 20 * gap


class Unsupported(nn.Module):
    """A network whose output is changed by something that no bound passes."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 4)
        self.act, self.kind = nn.Sigmoid(), kind

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        out = self.second(self.first(x).relu())
        return {
            "slice": lambda: out[:1],
            "ones": lambda: F.pad(out, (1, 1), value=1.0),
            "sigmoid": lambda: self.act(out),
            "product": lambda: out * out,
            "constant": lambda: out + 1.0,
            "broadcast": lambda: out + out.mean(1, keepdim=True),
            "tuple": lambda: (out, x),
            "batch": lambda: out.reshape(-1),
        }[self.kind]()


REASONS = {
    "slice": "no certificate passes the function getitem",
    "ones": "no certificate passes the function pad",
    "sigmoid": r"no certificate passes Sigmoid act \(act\)",
    "product": r"no certificate passes the function mul \(mul\)",
    "constant": "add: accepted are sums of two tensors of the same shape",
    "broadcast": "add: accepted are sums of two tensors of the same shape",
    "tuple": "more than one tensor",
    "batch": r"reshape reshapes the batch; accepted is flatten\(1\)",
}


@pytest.mark.parametrize("kind", REASONS)
def test_what_is_not_supported_is_named_in_one_line(kind: str) -> None:
    model = Unsupported(kind)
    with pytest.raises(TropnncError, match=REASONS[kind]) as raised:
        certify(model, model, torch.zeros(2, 4), 1.0)
    assert "\n" not in str(raised.value)


def test_networks_that_do_not_belong_together_are_named() -> None:
    dense, small, report = _compressed("tropnnc", "mlp", "sequential")
    example = images("mlp", 1).double()
    with pytest.raises(TropnncError, match="compute different graphs"):
        certify(dense, build("binary").double(), example, 1.0)
    wider, narrow = nn.Sequential(nn.Linear(4, 3)), nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(TropnncError, match=r"0 has 2 × 4 channels .* expected 3 × 4"):
        certify(wider, narrow, torch.zeros(1, 4), 1.0)
    other = replace(report, mixes={"1": report.mixes["3"]})
    with pytest.raises(TropnncError, match="the report mixes 5 of 9 neurons"):
        certify(dense, small, example, 1.0, other)
    with pytest.raises(TropnncError, match="radius -1"):
        certify(dense, small, example, -1.0)
