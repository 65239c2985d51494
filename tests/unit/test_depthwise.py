"""ReLU6 and depthwise convolutions: which units exist, what surgery writes, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.contract.algebra import Recorder
from tests.networks import build, images
from tests.unit.test_surgery import Scripted
from tests.units import clusters_of
from tropnnc import Reduction, Tier, TropnncError, Unit, compress, inspect, make_method
from tropnnc.errors import UnsupportedUnit
from tropnnc.graph import Site, discover
from tropnnc.reduction import select
from tropnnc.surgery import read_unit

IMAGES = torch.zeros(2, 3, 6, 6)
Forward = Callable[["Net", Tensor], Tensor]


class Net(nn.Module):
    """conv → depthwise → conv with a forward pass given from outside."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.dw, self.other = (nn.Conv2d(4, 4, 3, padding=1, groups=4) for _ in range(2))
        self.wide, self.seven = nn.Conv2d(8, 8, 1, groups=8), nn.Conv2d(7, 7, 1, groups=7)
        self.act = nn.Hardtanh()
        self.twin, self.norm = nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(4)
        self.head, self.head8 = nn.Conv2d(4, 2, 1), nn.Conv2d(8, 2, 1)
        self.compute = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(self, x)


def _site(forward: Forward) -> Site:
    return {site.producer: site for site in discover(Net(forward).eval(), IMAGES).sites}["a"]


@pytest.mark.parametrize(
    ("activation", "cap"),
    [
        (F.relu, inf),
        (F.relu6, 6.0),
        (nn.ReLU6(inplace=True), 6.0),
        (nn.Hardtanh(0.0, 2.5), 2.5),
        (lambda x: F.hardtanh(x, 0, 6), 6.0),
        (lambda x: F.hardtanh(x, min_val=0.0, max_val=3.0), 3.0),
        (lambda x: F.relu6(x).relu(), 6.0),
        (lambda x: F.relu6(F.max_pool2d(x.relu(), 2)), 6.0),
    ],
)
def test_where_a_relu_is_clipped(activation: Callable[[Tensor], Tensor], cap: float) -> None:
    class Plain(Net):
        def __init__(self) -> None:
            super().__init__(lambda n, x: n.head(activation(n.a(x))))
            if isinstance(activation, nn.Module):
                self.activation = activation

    site = discover(Plain().eval(), IMAGES).sites[0]
    assert (site.producer, site.cap, site.depthwise) == ("a", cap, ())


DEPTHWISE: dict[str, tuple[Forward, list[tuple[str, str | None, float | None]]]] = {
    "plain": (lambda n, x: n.head(n.dw(n.a(x).relu())), [("dw", None, None)]),
    "relu6": (lambda n, x: n.head(F.relu6(n.dw(n.a(x).relu()))), [("dw", None, 6.0)]),
    "norm": (lambda n, x: n.head(n.norm(n.dw(n.a(x).relu())).relu()), [("dw", "norm", inf)]),
    "two": (
        lambda n, x: n.head(n.other(F.relu6(n.dw(n.a(x).relu())).relu())),
        [("dw", None, 6.0), ("other", None, None)],
    ),
    "two consumers": (
        lambda n, x: n.head(y := n.dw(n.a(x).relu())).sum(1, keepdim=True) + n.b(y),
        [("dw", None, None)],
    ),
}


@pytest.mark.parametrize("case", DEPTHWISE)
def test_depthwise_convolutions_belong_to_the_unit(case: str) -> None:
    forward, expected = DEPTHWISE[case]
    structure = discover(Net(forward).eval(), IMAGES)
    (site,) = structure.sites
    assert [(p.name, p.batch_norm, p.cap) for p in site.depthwise] == expected
    assert not {place.name for place in site.depthwise} & {i.name for i in structure.left_alone}


LEFT_ALONE: dict[str, Forward] = {
    "not every path from it passes the same depthwise dw": lambda n, x: (
        n.head(n.dw(y := n.a(x).relu())).sum(1, keepdim=True) + n.b(y)
    ),
    "not every path from it passes the same depthwise dw, other": lambda n, x: (
        n.head(n.dw(y := n.a(x).relu())).sum(1, keepdim=True) + n.b(n.other(y))
    ),
    "passes ReLUs that clip at different values on different paths": lambda n, x: (
        n.head((y := n.a(x)).relu()).sum(1, keepdim=True) + n.b(F.relu6(y))
    ),
    "no ReLU between it and dw": lambda n, x: n.head(n.dw(n.a(x)).relu()),
    "feeds dw, which is called 2 times": lambda n, x: n.head(n.dw(n.dw(n.a(x).relu()))),
    "feeds wide, which is a grouped convolution (8 groups)": lambda n, x: n.head8(
        n.wide(torch.cat([n.a(x).relu(), torch.zeros(2, 4, 6, 6)], 1))
    ),
    "feeds seven, which is a grouped convolution (7 groups)": lambda n, x: n.seven(
        torch.cat([torch.zeros(2, 3, 6, 6), n.a(x).relu()], 1)
    ),
    "feeds twin, which is a grouped convolution (4 groups)": lambda n, x: n.head8(
        n.twin(n.a(x).relu())
    ),
    "feeds a batch norm after the ReLU (BatchNorm2d norm)": lambda n, x: n.head(
        n.norm(F.max_pool2d(n.dw(n.a(x).relu()), 2))
    ),
    "feeds Hardtanh act, which is not supported": lambda n, x: n.head(n.act(n.a(x))),
}


@pytest.mark.parametrize("reason", LEFT_ALONE)
def test_the_first_obstacle_is_the_reason(reason: str) -> None:
    report = inspect(Net(LEFT_ALONE[reason]).eval(), IMAGES)
    assert {item.name: item.reason for item in report.left_alone}["a"] == reason


def _dense() -> nn.Module:
    return build("inverted").double()


def test_selected_neurons_keep_their_depthwise_rows_and_batch_norm() -> None:
    dense, inputs = _dense(), images("inverted").double()
    kept = np.array([1, 4, 7, 11])
    answer = Scripted(lambda unit, k: select(unit, kept[:k]))
    small, _ = compress(dense, inputs, answer, 1 / 3, scope=["block1.0"])
    for name in ("block1.3", "block1.4"):
        before, after = dense.get_submodule(name), small.get_submodule(name)
        assert all(torch.equal(v, before.state_dict()[n][kept])
                   for n, v in after.state_dict().items() if v.ndim)  # fmt: skip
    layer = small.get_submodule("block1.3")
    assert isinstance(layer, nn.Conv2d)
    assert (layer.in_channels, layer.out_channels, layer.groups) == (4, 4, 4)
    assert layer.weight.shape == (4, 1, 3, 3)


def test_merged_depthwise_rows_are_the_mean_in_folded_weights() -> None:
    dense, inputs, recorder = (
        _dense(),
        images("inverted").double(),
        Recorder(make_method("tropnnc")),
    )
    small, _ = compress(dense, inputs, recorder, 0.5, scope=["block1.0"])
    sites = (discover(net, inputs).sites[1] for net in (dense, small))
    before, after = (read_unit(n, site) for n, site in zip((dense, small), sites, strict=True))
    clusters = clusters_of(recorder.answers["block1.0"])
    for k, row in enumerate(after.depthwise[0].incoming):
        mean = before.depthwise[0].incoming[clusters == k].mean(axis=0)
        np.testing.assert_allclose(row, mean, rtol=1e-8, atol=1e-12)
    norm = after.depthwise[0].batch_norm
    assert norm is not None
    assert (norm.running_var > 0).all()


def _scaled(unit: Unit, k: int) -> Reduction:
    combination = np.zeros((k, unit.neurons))
    combination[np.arange(k), np.arange(k)] = 2.0
    mix = combination.T / 4
    return Reduction(combination @ unit.incoming, mix, combination=combination)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_scaled, r"^branch\.0: a row of the combination sums to 2, .*accepted are rows that sum"),
        (
            lambda unit, k: replace(_scaled(unit, k), combination=None),
            r"^wide: the depthwise convolution first behind it needs a reduction with kept or",
        ),
    ],
)
def test_reductions_that_do_not_say_what_becomes_of_the_depthwise(
    answer: Callable[[Unit, int], Reduction], message: str
) -> None:
    scope = ["wide"] if "wide" in message else ["branch.0"]
    with pytest.raises(TropnncError, match=message) as raised:
        compress(build("shuffle"), images("shuffle"), Scripted(answer), 0.5, scope=scope)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("incoming", "rank1"),
        ("outgoing", "projection"),
        ("outgoing", "least_squares"),
        ("balance", "equalised"),
    ],
)
@pytest.mark.parametrize(
    ("network", "unit", "reason"),
    [
        ("inverted", "last.0", "its ReLU is clipped at 6"),
        ("shuffle", "branch.0", r"of the depthwise convolution branch\.3 behind it"),
    ],
)
def test_options_that_rescale_are_refused(
    option: str, value: str, network: str, unit: str, reason: str
) -> None:
    reducer = make_method("tropnnc", **{option: value})
    with pytest.raises(UnsupportedUnit, match=f"{option}={value} rescales .* because {reason};"):
        compress(build(network), images(network), reducer, 0.5, scope=[unit])


def test_a_method_of_weights_is_not_shown_the_batch_norms() -> None:
    site = discover(_dense(), images("inverted").double()).sites[1]
    unit = read_unit(_dense(), site)
    assert unit.depthwise[0].batch_norm is not None
    assert unit.seen_by(Tier.STATISTICS).depthwise == unit.depthwise
    (stage,) = unit.seen_by(Tier.WEIGHTS).depthwise
    assert stage.batch_norm is None
    assert stage.incoming is unit.depthwise[0].incoming


def test_features_reach_from_the_incoming_to_the_outgoing_weights() -> None:
    """Two neurons that differ in their depthwise filters alone are not merged."""
    dense, inputs = build("shuffle"), images("shuffle")
    with torch.no_grad():
        for tensor in (dense.get_parameter("wide.weight"), dense.get_parameter("wide.bias")):
            tensor[1] = tensor[0]
        head = dense.get_parameter("head.weight").unflatten(1, (11, -1))
        head[:, 1] = head[:, 0]
        dense.get_parameter("first.weight")[1] = 9.0
    site = next(s for s in discover(dense, inputs).sites if s.producer == "wide")
    unit = read_unit(dense, site)
    for features in ("incoming", "path"):
        reducer = make_method("tropnnc", features=features)
        reduction = reducer.reduce(reducer.prepare(unit, np.random.default_rng(0)), 10)
        assert reduction.clusters is not None
        assert reduction.clusters[0] != reduction.clusters[1]
