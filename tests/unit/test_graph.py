"""Which layers are units, where their consumers read them, and why the others are left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import networks
from tropnnc import TropnncError, compress, inspect
from tropnnc.graph import Structure, discover
from tropnnc.merging import Merging, tropnnc

IMAGES = torch.zeros(2, 3, 6, 6)
Forward = Callable[["Net", Tensor], Tensor]


class Net(nn.Module):
    """conv → conv → linear with a forward pass given from outside."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(4)
        self.untracked = nn.BatchNorm2d(4, track_running_stats=False)
        self.wide = nn.Conv2d(8, 4, 1)
        self.pad = nn.ZeroPad2d((0, 1, 2, 0))
        self.head = nn.Linear(4, 2)
        self.flat = nn.Linear(4 * 36, 2)
        self.compute = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(self, x)


def _head(net: Net, x: Tensor) -> Tensor:
    return net.head(x.mean((2, 3)))


def _by_incoming() -> Merging:
    return tropnnc(features="incoming")


LEFT_ALONE: dict[str, Forward] = {
    "no ReLU between it and b": lambda n, x: _head(n, n.b(n.a(x)).relu()),
    "feeds an addition (add)": lambda n, x: _head(n, n.a(x).relu() + 1),
    "its output is returned by the model": lambda n, x: n.a(x).relu(),
    "is called 2 times": lambda n, x: _head(n, (n.a(x) - n.a(-x)).relu()),
    "feeds grouped, which is a grouped convolution (2 groups)": lambda n, x: _head(
        n, n.grouped(n.a(x).relu())
    ),
    "feeds the function tanh, which is not supported": lambda n, x: _head(n, torch.tanh(n.a(x))),
    "feeds the method sigmoid, which is not supported": lambda n, x: _head(n, n.a(x).sigmoid()),
    "feeds a batch norm after the ReLU (BatchNorm2d norm)": lambda n, x: _head(
        n, n.norm(n.a(x).relu())
    ),
    "its batch norm untracked has no running statistics or no weights": lambda n, x: _head(
        n, n.untracked(n.a(x)).relu()
    ),
    "feeds a batch norm that does not directly follow it (BatchNorm2d norm)": lambda n, x: _head(
        n, n.norm(F.max_pool2d(n.a(x), 2)).relu()
    ),
    "view(-1, 144) hard-codes its width: write flatten(1)": lambda n, x: n.flat(
        n.a(x).relu().view(-1, 144)
    ),
    "feeds the method permute, which is not supported": lambda n, x: n.flat(
        n.a(x).relu().permute(0, 2, 3, 1).flatten(1)
    ),
    "feeds view, a reshape other than flatten(1)": lambda n, x: n.flat(
        n.a(x).relu().view(2, -1, 2, 1).flatten(1)
    ),
    "feeds mean, a mean over its neurons": lambda n, x: n.flat(
        n.a(x).relu().mean(1, keepdim=True).expand(-1, 4, -1, -1).flatten(1)
    ),
    "feeds cat, a concatenation along another dimension": lambda n, x: _head(
        n, torch.cat([n.a(x).relu(), torch.zeros(2, 4, 6, 6)], 2)
    ),
    "feeds the function pad, which is not supported": lambda n, x: n.wide(
        F.pad(n.a(x).relu(), (0, 0, 0, 0, 2, 2))
    ),
    "feeds the function pad that may pad its neurons": lambda n, x: n.head(
        F.pad(n.a(x).relu().flatten(1), (0, 4 - 4 * 36))
    ),
    "is concatenated with itself (cat)": lambda n, x: _head(
        n, n.wide(torch.cat([y := n.a(x).relu(), y], 1))
    ),
    "reaches wide on two ways": lambda n, x: _head(
        n, n.wide(torch.cat([(y := n.a(x).relu()), F.max_pool2d(y, 3, 1, 1)], 1))
    ),
}


@pytest.mark.parametrize("reason", LEFT_ALONE)
def test_the_first_obstacle_is_the_reason(reason: str) -> None:
    report = inspect(Net(LEFT_ALONE[reason]), IMAGES)
    assert "a" not in {row.name for row in report.units}
    assert {item.name: item.reason for item in report.left_alone}["a"] == reason
    assert reason in str(report)


def test_what_is_never_called_or_grouped_is_named() -> None:
    report = inspect(Net(lambda n, x: _head(n, n.grouped(n.a(x).relu()).relu())), IMAGES)
    reasons = {item.name: item.reason for item in report.left_alone}
    assert reasons["grouped"] == "is a grouped convolution (2 groups)"
    assert reasons["b"] == "is never called"


def test_tied_parameters_are_left_alone() -> None:
    net = Net(lambda n, x: _head(n, n.b(n.a(x).relu()).relu()))
    net.b.bias = net.a.bias
    reasons = {item.name: item.reason for item in inspect(net, IMAGES).left_alone}
    assert reasons["a"] == reasons["b"] == "shares a parameter: a.bias = b.bias"


def test_a_parametrised_weight_is_left_alone() -> None:
    net = Net(lambda n, x: _head(n, n.b(n.a(x).relu()).relu()))
    nn.utils.parametrizations.weight_norm(net.a)
    reasons = {item.name: item.reason for item in inspect(net, IMAGES).left_alone}
    assert "ParametrizedConv2d is not supported" in reasons["a"]


PASSED: dict[str, Forward] = {
    "relu module": lambda n, x: _head(n, nn.functional.relu(n.norm(n.a(x)))),
    "relu twice": lambda n, x: _head(n, torch.relu(n.a(x).relu())),
    "pool before": lambda n, x: _head(n, F.max_pool2d(n.a(x), 2).relu_()),
    "average pool before": lambda n, x: _head(n, F.avg_pool2d(n.a(x), 2).relu()),
    "adaptive pool": lambda n, x: n.head(F.adaptive_avg_pool2d(n.a(x).relu(), 1).flatten(1)),
    "adaptive max pool": lambda n, x: n.head(
        F.adaptive_max_pool2d(n.a(x).relu(), 1).reshape(x.shape[0], -1)
    ),
    "mean in two steps": lambda n, x: n.head(n.a(x).relu().mean(3).mean(-1)),
    "flatten then relu": lambda n, x: n.flat(torch.flatten(n.a(x), 1).relu()),
    "view by size": lambda n, x: n.flat(n.a(x).relu().view(x.size(0), -1)),
    "zeros around each map": lambda n, x: _head(n, n.b(F.pad(n.pad(n.a(x)).relu(), (1, 0, 0, 1)))),
    "dropout": lambda n, x: _head(n, F.dropout(n.a(x).relu(), 0.5, n.training)),
    "two consumers": lambda n, x: _head(n, n.b(y := n.a(x).relu())) + n.flat(y.flatten(1)),
    "concatenation": lambda n, x: _head(
        n, n.wide(torch.cat([n.b(x[:, [0, 1, 2, 0]]), n.a(x)], 1).relu())
    ),
}


def test_padding_with_ones_is_none_with_zeros() -> None:
    net = Net(lambda n, x: _head(n, n.b(F.pad(n.a(x).relu(), (1, 0), value=1.0))))
    reasons = {item.name: item.reason for item in inspect(net, IMAGES).left_alone}
    assert reasons["a"] == "feeds the function pad, which is not supported"


@pytest.mark.parametrize("case", PASSED)
def test_a_neuron_split_in_two_halves_changes_nothing(case: str) -> None:
    """Doubling then merging: neuron 3 is a copy of 0, so three clusters merge without error."""
    net = Net(PASSED[case]).eval()
    inputs = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in net.a.parameters():
            parameter[3] = parameter[0]
        small, report = compress(net, inputs, _by_incoming(), 0.75, scope=["a"])
        assert report.widths == {"a": 3}
        torch.testing.assert_close(small(inputs), net(inputs), rtol=1e-4, atol=1e-5)


def test_concatenated_producers_keep_their_offsets() -> None:
    sites = {site.producer: site for site in _structure("branches").sites}
    assert [link.consumer for link in sites["stem"].links] == ["wide.0", "narrow"]
    assert (sites["wide.0"].links[0].start, sites["narrow"].links[0].start) == (0, 6)
    assert sites["wide.0"].batch_norm == "wide.1"


def test_a_flattened_map_is_one_block_per_neuron() -> None:
    sites = {site.producer: site for site in _structure("lenet5").sites}
    (link,) = sites["conv2"].links
    assert (link.consumer, link.start, link.block) == ("fc1", 0, 16)


def _structure(name: str) -> Structure:
    return discover(networks.build(name), networks.images(name))


def test_an_untraceable_model_names_the_line() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        hidden = net.a(x).relu()
        if hidden.sum() > 0:
            hidden = -hidden
        return _head(net, hidden)

    with pytest.raises(TropnncError, match=r"test_graph.py:\d+: if hidden.sum\(\) > 0:"):
        inspect(Net(forward), IMAGES)


def test_an_input_that_does_not_fit_is_one_line() -> None:
    net = Net(lambda n, x: _head(n, n.a(x).relu()))
    with pytest.raises(TropnncError, match=r"does not run on an input of \(2, 1, 6, 6\)") as raised:
        inspect(net, IMAGES[:, :1])
    assert "\n" not in str(raised.value)
