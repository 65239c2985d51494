"""What two networks share is computed once, and no bit depends on it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from experiments import bench as bench_module
from experiments.architectures import SmyrnisConv
from experiments.bench import Bench
from experiments.data import Dataset, Split
from experiments.evaluation import evaluate, output_error
from experiments.networks_cifar import CifarAlexNet, CifarVGG, ResNet
from experiments.settings import DatasetSettings
from experiments.trunk import Batches, Cut, shared_cut
from tropnnc import compress

CPU = torch.device("cpu")
COLOUR, GREY = (3, 32, 32), (1, 28, 28)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "vgg": (lambda: CifarVGG(0.125, 10), COLOUR),
    "alexnet": (lambda: CifarAlexNet(64, 10, 0.3), COLOUR),
    "smyrnis": (lambda: SmyrnisConv(8, 40), GREY),
}


def bench_of(model: nn.Module, shape: tuple[int, int, int], images: int = 130) -> Bench:
    """``model`` on random images, two batches and a short third one if they have colours."""
    generator = torch.Generator().manual_seed(0)
    split = Split(
        torch.randint(256, (images, *shape), generator=generator, dtype=torch.uint8),
        torch.randint(10, (images,), generator=generator),
    )
    pixels = DatasetSettings("random", (0.5,) * shape[0], (0.3,) * shape[0])
    return Bench(pixels, Dataset("random", split, split, split), model.eval(), CPU)


def built(name: str, seed: int = 0) -> Bench:
    make, shape = NETWORKS[name]
    torch.manual_seed(seed)
    return bench_of(make(), shape)


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 99),
    method=st.sampled_from(["l1", "tropnnc", "random"]),
    ratio=st.sampled_from([0.75, 0.5, 0.1]),
)
def test_the_bits_are_those_of_the_whole_network(
    name: str, seed: int, method: str, ratio: float
) -> None:
    bench = built(name, seed)
    example = bench.test_images[:1]
    small, _ = compress(bench.model, example, method, ratio, scope="linear", seed=seed)
    assert shared_cut(bench.model, small, example) is not None
    whole = evaluate(small, bench.test_images, bench.test.labels, CPU)
    ours = bench.evaluate(small)
    assert torch.equal(ours.logits, whole.logits)
    assert ours.record() == whole.record()
    dense = bench.dense.logits
    assert output_error(dense, ours.logits) == output_error(dense, whole.logits)


def test_the_trunk_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = built("vgg")
    calls: list[Cut] = []
    run_to = bench_module.run_to

    def counted(model: nn.Module, cut: Cut, images: Iterable[Tensor]) -> Batches:
        calls.append(cut)
        return run_to(model, cut, images)

    monkeypatch.setattr(bench_module, "run_to", counted)
    for ratio in (0.75, 0.5, 0.25):
        small, _ = compress(bench.model, bench.test_images[:1], "l1", ratio, scope="linear")
        bench.evaluate(small)
    assert len(calls) == 1


def test_weights_touched_in_the_trunk_are_never_overlooked() -> None:
    bench = built("vgg")
    example = bench.test_images[:1]
    small, _ = compress(bench.model, example, "l1", 0.5, scope="linear")
    bench.evaluate(small)  # the features are kept now
    for name in ("features.0.weight", "features.1.running_var", "features.40.weight"):
        touched = copy.deepcopy(small)
        touched.state_dict()[name].mul_(1.5)  # in place
        whole = evaluate(touched, bench.test_images, bench.test.labels, CPU)
        assert torch.equal(bench.evaluate(touched).logits, whole.logits)


@pytest.mark.parametrize("scope", ["all", "conv"])
def test_nothing_is_shared_where_the_first_layer_changes(scope: str) -> None:
    bench = built("vgg")
    small, _ = compress(bench.model, bench.test_images[:1], "l1", 0.5, scope=scope)
    assert shared_cut(bench.model, small, bench.test_images[:1]) is None


def test_features_larger_than_the_images_are_not_kept() -> None:
    bench = bench_of(ResNet(8, 10), COLOUR)
    small, _ = compress(bench.model, bench.test_images[:1], "l1", 0.5, scope=["layer2.0.conv1"])
    assert shared_cut(bench.model, small, bench.test_images[:1]) is None


class Residual(nn.Module):
    """A shortcut around ``two``."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(6, 6) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.one(x))
        return self.three(torch.relu(self.two(a)) + a)


@pytest.mark.parametrize(("touched", "cut"), [("one", None), ("two", "relu"), ("three", "add")])
def test_a_cut_is_never_beside_a_shortcut(touched: str, cut: str | None) -> None:
    model = Residual().eval()
    other = copy.deepcopy(model)
    other.get_parameter(f"{touched}.bias").data += 1
    found = shared_cut(model, other, torch.zeros(1, 6))
    assert (None if found is None else found.node) == cut
