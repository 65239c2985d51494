"""A network through a rewriter: which layers, what of the refused, and in and out of training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.network import layers_of, learners, rewrite_network, settled, touched
from baselines.rewriters.protocol import Layer, Parameters
from baselines.rewriters.svd import SvdChannel
from tests.networks import MLP, LeNet5
from tropnnc import TropnncError


def half(_: str, layer: Layer) -> Parameters:
    return Parameters(layer.weight.numel() // 2)


def seeded(build: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return build().eval()


class Grouped(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3),
            nn.Conv2d(8, 8, 3, groups=4),
            nn.Conv2d(8, 8, 3),
            nn.Flatten(),
            nn.Linear(8, 4),
        )


class Tied(nn.Sequential):
    def __init__(self) -> None:
        one, two = nn.Linear(8, 8), nn.Linear(8, 8)
        two.weight = one.weight
        super().__init__(one, two, nn.Linear(8, 8), nn.Linear(8, 4))


def test_all_but_the_first_convolution_and_the_read_out() -> None:
    assert touched(seeded(LeNet5)) == ("conv2", "fc1")
    assert touched(seeded(MLP)) == ("1", "3")
    assert touched(nn.Linear(3, 3)) == ()


def test_the_model_stays_and_the_copy_runs() -> None:
    model = seeded(LeNet5)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    new, reports = rewrite_network(model, SvdChannel(), half)
    assert [(report.name, report.status) for report in reports] == [
        ("conv2", "rewritten"),
        ("fc1", "rewritten"),
    ]
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert list(layers_of(new)) == ["conv1", "fc2"]
    assert sum(report.bits for report in reports) == 32 * sum(
        core.numel() for key, core in new.state_dict().items() if "cores" in key
    )
    assert new(torch.randn(2, 1, 28, 28)).shape == (2, 5)


def test_ample_budgets_change_nothing() -> None:
    model = seeded(LeNet5)
    new, _ = rewrite_network(model, SvdChannel(), lambda *_: Parameters(10**6))
    x = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(new(x), model(x), atol=1e-5, rtol=1e-5)


def test_what_is_refused_stays_dense_with_its_reason() -> None:
    model = seeded(Grouped)
    new, (refused, done) = rewrite_network(model, SvdChannel(), half)
    assert (refused.name, refused.status, refused.bits) == ("1", "dense", 32 * 8 * 2 * 9)
    assert refused.reason == "convolution of 4 groups"
    assert (done.name, done.status, done.reason) == ("2", "rewritten", "")
    assert type(new.get_submodule("1")) is nn.Conv2d


def test_tied_weights_are_left_alone() -> None:
    _, reports = rewrite_network(seeded(Tied), SvdChannel(), half)
    assert [report.status for report in reports] == ["dense", "dense", "rewritten"]
    assert "second place" in reports[0].reason


def test_a_module_at_two_paths_is_left_alone() -> None:
    shared = nn.Linear(8, 8)
    model = nn.Sequential(shared, shared, nn.Linear(8, 4))
    _, [report] = rewrite_network(model, SvdChannel(), half)
    assert (report.name, report.status) == ("0", "dense")


def test_names_choose_layers_the_model_itself_included() -> None:
    new, [report] = rewrite_network(seeded(LeNet5), SvdChannel(), half, ("fc2",))
    assert report.name == "fc2"
    assert list(layers_of(new)) == ["conv1", "conv2", "fc1"]
    layer = nn.Linear(12, 12)
    new, [report] = rewrite_network(layer, SvdChannel(), half, ("",))
    assert sorted(new.state_dict()) == ["bias", "cores.0", "cores.1"]
    with pytest.raises(TropnncError, match="'fc9' is no Linear or Conv2d; there are conv1, conv2"):
        rewrite_network(seeded(LeNet5), SvdChannel(), half, ("fc9",))


class Halves(nn.Module):
    """A stored form that trains as its double."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value)

    def learner(self) -> nn.Module:
        return Doubles(self.value)


class Doubles(nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.twice = nn.Parameter(2 * value.detach())

    def settled(self) -> nn.Module:
        return Halves(self.twice.detach() / 2)


def test_into_training_and_out_of_it() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(Halves(torch.ones(3))))
    training = learners(model)
    assert sorted(training.state_dict()) == ["0.bias", "0.weight", "1.0.twice"]
    with torch.no_grad():
        training.get_parameter("1.0.twice").mul_(3)
        training.get_parameter("0.bias").zero_()
    stored = settled(training)
    assert torch.equal(stored.get_parameter("1.0.value"), torch.full((3,), 3.0))
    assert torch.equal(model.get_parameter("1.0.value"), torch.ones(3))
    assert not torch.equal(model.get_parameter("0.bias"), torch.zeros(2))
