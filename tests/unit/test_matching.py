"""The loss of synthetic images, its gradient, and the descent on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.networks import ZOO, build, images
from tropnnc import TropnncError
from tropnnc.imagination import Recipe, imagine
from tropnnc.imagination.frame import frame_of, per_channel
from tropnnc.imagination.matching import Matching, cosine, total_variation
from tropnnc.imagination.moments import BatchNorm, ChannelMoments, mismatch
from tropnnc.imagination.objective import BatchNorms, Objective, objective_of
from tropnnc.imagination.spectrum import Spectrum
from tropnnc.unit import Pixels

WITH_NORMS = ["vgg", "resnet", "branches", "inverted", "shuffle", "binary"]
PIXELS = Pixels(0.3, 0.8, -1.5, 2.0)


@pytest.mark.parametrize("shape", [(4, 3), (5, 2, 3), (2, 3, 4, 2), (1, 3, 2, 2)])
def test_moments_and_their_gradient(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    variance, mean = torch.var_mean(x, [d for d in range(x.ndim) if d != 1], correction=0)
    torch.testing.assert_close(ChannelMoments.apply(x), (mean, variance))
    assert torch.autograd.gradcheck(ChannelMoments.apply, (x,))


def test_moments_of_values_far_from_zero() -> None:
    """In float32; a mean of squares less a squared mean would have no digit left."""
    x = 1000 + torch.randn(64, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    _, variance = ChannelMoments.apply(x)
    torch.testing.assert_close(
        variance.double(), x.double().var((0, 2, 3), correction=0), rtol=1e-3, atol=0
    )


def _directly(model: nn.Module, x: Tensor) -> Tensor:
    """The formula of theory.md 5.2 on recorded inputs, with torch's own moments."""
    inputs: list[tuple[BatchNorm, Tensor]] = []

    def record(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(module, BatchNorm)
        inputs.append((module, given[0]))

    norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
    hooks = [norm.register_forward_pre_hook(record) for norm in norms]
    model(x)
    for hook in hooks:
        hook.remove()
    terms = []
    for norm, given in inputs:
        values = given.transpose(0, 1).flatten(1)
        sigma = (norm.get_buffer("running_var") + norm.eps) ** 0.5
        mu_hat = values.mean(1)
        sigma_hat = (((values - mu_hat[:, None]) ** 2).mean(1) + norm.eps) ** 0.5
        shift = (mu_hat - norm.get_buffer("running_mean")) ** 2 / sigma**2
        terms.append((shift + (sigma_hat / sigma - 1) ** 2).mean())
    return sum(terms, torch.zeros(())) / len(terms)


@pytest.mark.parametrize("name", WITH_NORMS)
def test_the_loss_and_its_gradient_are_those_of_the_formula(name: str) -> None:
    model = build(name).double()
    x = images(name).double().requires_grad_()
    loss = objective_of(model, ZOO[name].input)(x, 0)
    expected = _directly(model, x)
    torch.testing.assert_close(loss, expected)
    gradients = (torch.autograd.grad(value, x)[0] for value in (loss, expected))
    torch.testing.assert_close(*gradients)


def test_the_loss_vanishes_where_the_statistics_are_those_of_the_batch() -> None:
    model, x = build("resnet"), images("resnet", 16)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.train()
    model(x)
    loss = objective_of(model, ZOO["resnet"].input)(x, 0)
    assert 0 < loss.item() < 1e-3  # running variances are unbiased, and 400 values are few
    assert objective_of(build("resnet"), ZOO["resnet"].input)(x, 0).item() > 0.1


def test_a_norm_that_is_called_twice_counts_twice() -> None:
    norm = nn.BatchNorm2d(3).eval()
    norm.get_buffer("running_mean").fill_(0.5)
    x = images("resnet", 4)
    twice = nn.Sequential(norm, nn.ReLU(), norm)
    expected = (mismatch(x, norm) + mismatch(norm(x).relu(), norm)) / 2
    torch.testing.assert_close(objective_of(twice, (3, 10, 10))(x, 0), expected)


def test_labels_are_balanced_over_micro_batches() -> None:
    model = build("lenet5")
    objective, x = objective_of(model, (1, 28, 28)), images("lenet5", 7)
    logits = model(x)
    expected = nn.functional.cross_entropy(logits, torch.tensor([3, 4, 0, 1, 2, 3, 4]))
    torch.testing.assert_close(objective(x, 3), expected)


def test_one_logit_counts_as_two_classes() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    x = images("mlp", 4)
    probability = torch.sigmoid(model(x)[:, 0])
    right = torch.stack([1 - probability[0], probability[1], 1 - probability[2], probability[3]])
    torch.testing.assert_close(objective_of(model, (1, 4, 4))(x, 0), -right.log().mean())


def test_total_variation_of_a_ramp() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)  # 3 downwards, 1 to the right
    assert total_variation(x).item() == 4
    assert total_variation(x[..., :1, :1]).item() == 0


def test_the_learning_rate_falls_along_a_cosine() -> None:
    recipe = Recipe(steps=4)
    rates = [cosine(recipe, step) / recipe.learning_rate for step in range(5)]
    np.testing.assert_allclose(rates, [1, (2 + np.sqrt(2)) / 4, 0.5, (2 - np.sqrt(2)) / 4, 0])


class Sums(nn.Module):
    """Stands for an objective: its gradient is 1 everywhere, whatever was shifted."""

    source, mirrors = "sums", True

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Tensor] = []

    def forward(self, images: Tensor, first: int) -> Tensor:
        self.shown.append(images.detach().clone())
        return images.sum()


def _matching(
    objective: Objective, recipe: Recipe, pixels: Pixels = PIXELS, first: int = 0
) -> Matching:
    start = torch.arange(-60.0, 60).reshape(2, 3, 4, 5) / 100
    frame = frame_of(per_channel(pixels, 3), torch.device("cpu"))
    return Matching(start, first, objective, recipe, frame, 0)


class Slopes(nn.Module):
    """Stands for an objective that is linear in the images."""

    source, mirrors = "slopes", False

    def __init__(self) -> None:
        super().__init__()
        self.slopes = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))

    def forward(self, images: Tensor, first: int) -> Tensor:
        return (images * self.slopes).sum()


def test_adam_walks_as_far_along_every_wave() -> None:
    """Adam divides a constant gradient by itself: each step is the learning rate, cosine."""
    recipe = Recipe(steps=4, learning_rate=0.01, variation=0, shift=0)
    objective = Slopes()
    matching = _matching(objective, recipe, replace(PIXELS, low=-90.0, high=90.0))
    before = matching.seen
    for _ in range(4):
        matching.step()
    spectrum = Spectrum((4, 5), torch.device("cpu"))
    waves = spectrum.zeros(2, 3).requires_grad_()
    objective(spectrum.images(waves), 0).backward()
    assert waves.grad is not None
    walked = sum(cosine(recipe, k) for k in range(4)) * waves.grad.sign()
    torch.testing.assert_close(matching.seen, before - 0.8 * spectrum.images(walked))


def test_pixels_are_held_in_their_range() -> None:
    matching = _matching(Sums(), Recipe(steps=80, learning_rate=0.5, variation=0))
    for _ in range(80):
        matching.step()
        assert matching.seen.min() >= -1.5
    assert (matching.seen == -1.5).float().mean() > 0.9


def test_each_step_sees_all_images_shifted_or_mirrored_alike() -> None:
    objective = Sums()
    recipe = Recipe(steps=40, learning_rate=1e-9, shift=1)
    matching = _matching(objective, recipe)
    plain = matching.seen
    for _ in range(40):
        matching.step()
    moves = {
        (down, right, mirrored): plain.roll((down, right), (2, 3)).flip([3] * mirrored)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        for mirrored in (False, True)
    }
    seen = [
        [move for move, image in moves.items() if torch.allclose(shown, image, atol=1e-6)]
        for shown in objective.shown
    ]
    assert all(len(found) == 1 for found in seen)
    assert len({found[0] for found in seen}) > 12  # of 18, in 40 draws


@pytest.mark.parametrize("steps", [2, 5])
@pytest.mark.parametrize("name", ZOO)
def test_matching_lowers_its_loss_on_every_network(name: str, steps: int) -> None:
    made = imagine(build(name), ZOO[name].input, Recipe(count=8, steps=steps), PIXELS)
    assert made.after < made.before
    assert made.tensor.min() >= -1.5 - 1e-3
    assert made.tensor.max() <= 2 + 1e-3


@pytest.mark.parametrize("name", ["mlp", "resnet"])
def test_the_reported_losses_are_those_of_the_images(name: str) -> None:
    recipe = Recipe(count=8, steps=3, variation=0.5, mirrored=False)
    made = imagine(build(name), ZOO[name].input, recipe, PIXELS)
    objective = objective_of(build(name), ZOO[name].input)
    variation = total_variation(made.tensor) / 0.8
    assert made.after == pytest.approx((objective(made.tensor, 0) + variation / 2).item(), rel=1e-5)
    assert isinstance(objective, BatchNorms) == (name == "resnet")


def test_no_step_leaves_the_images_as_they_begin() -> None:
    made = imagine(build("resnet"), (3, 10, 10), Recipe(count=8, steps=0))
    assert made.after == pytest.approx(made.before, rel=1e-2)


class Odd(nn.Module):
    """A view that refuses channels last, and weights in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.head = nn.Linear(4 * 36, 2)
        self.double().train()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(x)).view(-1, 4 * 36))


def test_the_network_is_left_as_it_was() -> None:
    model = Odd()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    made = imagine(model, (3, 8, 8), Recipe(count=4, steps=2))
    assert made.after < made.before
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not model.norm._forward_pre_hooks


@pytest.mark.parametrize(
    ("shape", "pixels", "message"),
    [
        ((3, 10), None, r"accepted are images \(channels, height, width\)"),
        ((1, 10, 10), None, r"does not run on an input of \(2, 1, 10, 10\)"),
        ((3, 10, 10), Pixels(mean=(0.0, 1.0)), "mean has 2 values; accepted are 1 or 3"),
        ((3, 10, 10), Pixels(std=(1.0, 0.0, 1.0)), "accepted are positive numbers"),
        ((3, 10, 10), Pixels(low=3.0), "is not below high"),
    ],
)
def test_bad_input_is_one_line(shape: tuple[int, ...], pixels: Pixels | None, message: str) -> None:
    with pytest.raises(TropnncError, match=message) as caught:
        imagine(build("resnet"), shape, Recipe(count=4, steps=1), pixels)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite() -> None:
    model = build("resnet")
    model.get_parameter("stem.weight").data[0] = float("nan")
    with pytest.raises(TropnncError, match=r"stem\.weight has NaN"):
        imagine(model, (3, 10, 10), Recipe(count=4, steps=1))


@pytest.mark.parametrize(
    "options",
    [
        {"count": 1}, {"count": 2.5}, {"steps": -1}, {"batch": 2}, {"batch": True},
        {"learning_rate": -0.1}, {"learning_rate": float("nan")}, {"shift": "2"},
        {"variation": None}, {"mirrored": 1},
    ],
)  # fmt: skip
def test_recipes_out_of_range(options: dict[str, object]) -> None:
    [name] = options
    with pytest.raises(TropnncError, match=rf"^{name} = .*accepted are"):
        Recipe(**options)  # pyright: ignore[reportArgumentType]
