"""The networks for CIFAR: which layers the library finds, and what compressing leaves."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from experiments.architectures import build
from experiments.networks_cifar import NIN, CifarAlexNet, CifarVGG, ResNet, WideResNet
from experiments.networks_cifar.resnet import Block
from experiments.parsing import cell_settings
from tests.harness.cells import composed
from tropnnc import TropnncError, compress, inspect
from tropnnc.files import load_state

IMAGE = torch.zeros(1, 3, 32, 32)
VGG_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512, 512, 512)


def units(model: nn.Module) -> dict[str, int]:
    return {unit.name: unit.neurons for unit in inspect(model.eval(), IMAGE).units}


def parameters(model: nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


@pytest.mark.parametrize("width", [0.125, 0.25, 0.3125, 0.375])
def test_vgg_has_a_unit_for_all_but_the_last_layer(width: float) -> None:
    found = units(CifarVGG(width, 10))
    assert tuple(found.values()) == tuple(width * full for full in VGG_WIDTHS)
    assert [name for name in found if name.startswith("head")] == ["head.0", "head.3"]


def test_alexnet_has_a_unit_for_all_but_the_last_layer() -> None:
    assert list(units(CifarAlexNet(1024, 10, 0.5)).values()) == [32, 64, 128, 1024, 1024]


def test_nin_has_a_unit_for_all_but_the_last_layer() -> None:
    assert list(units(NIN(10, 0.5)).values()) == [192, 160, 96, 192, 192, 192, 192, 192]


def test_the_units_of_a_resnet_are_the_inner_convolutions() -> None:
    wanted = {
        f"layer{stage}.{block}.conv1": 8 * 2**stage for stage in (1, 2, 3) for block in range(3)
    }
    assert units(ResNet(20, 10)) == wanted


def test_the_units_of_a_wide_resnet_are_the_inner_convolutions() -> None:
    found = units(WideResNet(16, 2, 10))
    inner = {f"stage{stage}.{block}.conv1" for stage in (1, 2, 3) for block in (0, 1)}
    # The first convolution is read by one block alone, the first, and by its shortcut.
    assert set(found) == inner | {"conv1"}


@pytest.mark.parametrize(
    ("model", "head"),
    [(CifarVGG(0.125, 10), "head.3"), (CifarAlexNet(64, 10, 0.5), "head.4"), (ResNet(8, 10), "")],
)
def test_half_of_every_unit_is_left(model: nn.Module, head: str) -> None:
    before = units(model)
    small, _ = compress(model, IMAGE, method="l1", ratio=0.5)
    assert units(small) == {name: neurons // 2 for name, neurons in before.items()}
    assert small(torch.rand(3, 3, 32, 32)).shape == (3, 10)
    if head:
        assert small.get_parameter(f"{head}.weight").shape[0] == before[head] // 2


def test_parameters_of_the_originals() -> None:
    # He et al., table 6: 0.27 million and 1.7 million; Zagoruyko & Komodakis: 36.5 million.
    assert parameters(ResNet(20, 10)) == 269_722
    assert parameters(ResNet(110, 10)) == 1_727_962
    with torch.device("meta"):
        assert parameters(WideResNet(28, 10, 10)) == 36_479_194


def test_the_shortcut_has_every_second_pixel_between_zero_channels() -> None:
    torch.manual_seed(0)
    block, x = Block(4, 8).eval(), torch.rand(2, 4, 6, 6)
    nn.init.zeros_(block.bn2.weight)  # only the shortcut is left
    y = block(x)
    assert torch.equal(y[:, 2:6], x[:, :, ::2, ::2])
    assert not y[:, :2].any()
    assert not y[:, 6:].any()


@pytest.mark.parametrize("depth", [2, 15, 21])
def test_depths_that_do_not_exist(depth: int) -> None:
    arch = cell_settings(composed("dataset=cifar10", "arch=resnet20", f"arch.depth={depth}")).arch
    with pytest.raises(
        TropnncError, match=rf"depth = {depth} is not accepted; 6n \+ 2 is"
    ) as caught:
        build(arch)
    assert "\n" not in str(caught.value)


def test_published_names_fit_with_and_without_the_counters() -> None:
    state = ResNet(20, 10).state_dict()
    plain = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    model = ResNet(20, 10)
    load_state(model, plain, "weights")
    assert all(torch.equal(model.state_dict()[name], value) for name, value in plain.items())
    assert "layer3.2.bn2.running_var" in plain


def test_logits_are_finite_and_of_unit_scale_before_training() -> None:
    # Without batch norm the default initialisation dies out over nine layers.
    torch.manual_seed(0)
    images = torch.randn(8, 3, 32, 32)
    for model in (NIN(10, 0.0), ResNet(20, 10), WideResNet(16, 2, 10)):
        spread = float(F.log_softmax(model(images), dim=1).detach().std())
        assert 0.01 < spread < 20, type(model).__name__
