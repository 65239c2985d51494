"""The inner loop of COIN++, and the second-order gradient through it."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from baselines.coin import MetaTrainer, MetaTraining, ModulatedSiren, SirenShape, decode, encode
from baselines.coin.encoding import errors, fit_latents, targets
from baselines.coin.siren import grid
from baselines.coin.training import outer_loss
from tests.coin.test_siren import siren
from tropnnc import TropnncError

SHAPE = SirenShape(3, 12, 5, channels=2)
SETTINGS = MetaTraining(steps=100, inner_steps=3)


def images(count: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 2, 3, 3, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (9, 8), mode="bilinear")
    return (255 * smooth).to(torch.uint8)


def test_a_batch_is_its_images_one_by_one() -> None:
    model = siren(SHAPE)
    together = encode(model, images(), steps=3, rate=0.1)
    singles = torch.cat([encode(model, image[None], 3, 0.1) for image in images()])
    torch.testing.assert_close(together, singles, rtol=1e-4, atol=1e-6)
    assert together.std(dim=0).min() > 0  # the images differ, and so do their latents


def test_the_first_step_is_the_gradient_at_zero() -> None:
    model, points, pixels = siren(SHAPE), grid(9, 8), targets(images())
    zero = torch.zeros(6, 5, requires_grad=True)
    for index in range(6):
        own = (model(points, zero)[index] - pixels[index]).square().mean()
        (slope,) = torch.autograd.grad(own, zero)
        expected = -0.1 * slope[index]
        found = fit_latents(model, points, pixels, 1, 0.1)[index]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_steps_lower_the_error() -> None:
    model, points, pixels = siren(SHAPE), grid(9, 8), targets(images())
    found = [fit_latents(model, points, pixels, steps, 0.02) for steps in (0, 3, 30)]
    before, few, many = (errors(model, points, pixels, latents).mean() for latents in found)
    assert before > few > many


def double() -> tuple[ModulatedSiren, Tensor, Tensor]:
    model = siren(SirenShape(3, 6, 3, frequency=5.0)).double()
    pixels = torch.rand(4, 20, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    points = torch.rand(20, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return model, points, pixels


def test_the_meta_gradient_is_of_second_order() -> None:
    """Against central differences of the error after encoding, which first order misses."""
    model, points, pixels = double()
    settings = MetaTraining(steps=1, inner_steps=3, inner_rate=2.0)
    outer_loss(model, points, pixels, settings).backward()
    fixed = fit_latents(model, points, pixels, 3, 2.0).detach()
    parameters = dict(model.named_parameters())
    first = torch.autograd.grad(
        errors(model, points, pixels, fixed).mean(), list(parameters.values())
    )
    furthest = 0.0
    for (name, parameter), lower in zip(parameters.items(), first, strict=True):
        assert parameter.grad is not None, name
        for index in range(0, parameter.numel(), 7):
            slope = slope_at(model, points, pixels, settings, parameter.data.view(-1), index)
            found = float(parameter.grad.view(-1)[index])
            assert found == pytest.approx(slope, rel=1e-4, abs=1e-9), name
            furthest = max(furthest, abs(slope - float(lower.reshape(-1)[index])))
    assert furthest > 1e-4


def slope_at(
    model: ModulatedSiren,
    points: Tensor,
    pixels: Tensor,
    settings: MetaTraining,
    values: Tensor,
    index: int,
    step: float = 1e-5,
) -> float:
    before, found = float(values[index]), []
    for sign in (1, -1):
        values[index] = before + sign * step
        found.append(float(outer_loss(model, points, pixels, settings).detach()))
    values[index] = before
    return (found[0] - found[1]) / (2 * step)


def test_training_lowers_the_error_and_is_the_same_again() -> None:
    runs = []
    for _ in range(2):
        settings = MetaTraining(steps=30, batch=4, points=40, warmup=5, rate=3e-3, clip=1.0)
        trainer = MetaTrainer(siren(SHAPE), settings, images(), None, seed=7)
        runs.append([trainer.step(number) for number in range(30)])
    assert runs[0] == runs[1]
    assert sum(runs[0][-5:]) < 0.8 * sum(runs[0][:5])


def test_crops_are_of_the_patch_and_differ() -> None:
    settings = MetaTraining(steps=1, batch=400)
    whole = torch.arange(72, dtype=torch.uint8).view(1, 1, 9, 8).expand(5, -1, -1, -1)
    trainer = MetaTrainer(siren(SirenShape(3, 4, 2)), settings, whole, (4, 3), seed=0)
    _, pixels = trainer._drawn()
    corners = (255 * pixels[:, 0, 0]).round().long()
    assert pixels.shape == (400, 12, 1)
    assert set(corners.tolist()) == {8 * top + left for top in range(6) for left in range(6)}


def test_the_schedule() -> None:
    settings = MetaTraining(steps=1000)
    rates = [settings.rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(3e-4 / 50)
    assert rates[49] == rates[599] == 3e-4
    assert rates[800] == pytest.approx(1.5e-4)
    assert all(a > b for a, b in pairwise(rates[601:]))
    assert 0 < rates[999] < 1e-8
    published = MetaTraining(steps=10, warmup=0, decay=0, rate=3e-6)
    assert {published.rate_at(step) for step in range(10)} == {3e-6}


def test_decoded_images_are_8_bit_and_in_shape() -> None:
    model = siren(SHAPE)
    found = decode(model, 50 * torch.randn(3, 5), 9, 8)
    assert (found.dtype, found.shape) == (torch.uint8, (3, 2, 9, 8))
    exact = model(grid(9, 8), torch.zeros(1, 5))[0, :, 1].view(9, 8)
    levels = (255 * exact).round().clamp(0, 255).to(torch.uint8)
    assert torch.equal(decode(model, torch.zeros(1, 5), 9, 8)[0, 1], levels)


def test_bad_input() -> None:
    with pytest.raises(TropnncError, match=r"\[N, 2, H, W\] are"):
        encode(siren(SHAPE), images()[:, :1], 3, 0.1)
    with pytest.raises(TropnncError, match="positive steps"):
        MetaTraining(steps=0)
    with pytest.raises(TropnncError, match="positive steps"):
        MetaTraining(steps=1, inner_rate=0.0)
