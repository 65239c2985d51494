"""Random images: their statistics, and shapes that occlude each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tropnnc.imagination import dead_leaves, pink_noise
from tropnnc.imagination.colour import CORRELATION
from tropnnc.imagination.leaves import Leaves, blurred, draw, largest_radius, mean_square, paint
from tropnnc.seeding import derive_rng
from tropnnc.unit import Pixels

PIXELS = Pixels((0.1, -0.2, 0.3), (0.9, 1.1, 0.7))


def leaves(*shapes: dict[str, Any]) -> Leaves:
    """Discs of radius 2 in the middle of 9 × 9, but for what ``shapes`` say."""
    plain = {
        "centres": (4.0, 4.0), "radii": 2.0, "axes": (2.0, 2.0), "angles": 0.0,
        "rectangular": False, "colours": (1.0,), "slopes": (0.0, 0.0),
    }  # fmt: skip
    columns = {name: np.array([{**plain, **shape}[name] for shape in shapes]) for name in plain}
    return Leaves(**{**columns, "colours": columns["colours"].T})


def painted(*shapes: dict[str, Any], size: tuple[int, int] = (9, 9)) -> Any:
    image = np.zeros((1, *size))
    paint(image, leaves(*shapes))
    return image[0]


@pytest.mark.parametrize("make", [dead_leaves, pink_noise])
def test_channels_have_the_mean_and_deviation_of_the_data_set(make: Any) -> None:
    images = make(20, (12, 17), 3, 5, PIXELS).double()
    assert images.shape == (20, 3, 12, 17)
    for measured, stated in (
        (images.mean((0, 2, 3)), PIXELS.mean),
        (images.std((0, 2, 3), correction=0), PIXELS.std),
    ):
        torch.testing.assert_close(measured, torch.tensor(stated).double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("make", [dead_leaves, pink_noise])
def test_images_depend_on_the_seed_alone(make: Any) -> None:
    torch.manual_seed(0)
    first = make(3, (8, 8), 3, 1)
    assert torch.equal(make(3, (8, 8), 3, 1), first)
    assert not torch.equal(make(3, (8, 8), 3, 2), first)


def test_radii_have_a_density_of_the_power_minus_three() -> None:
    """Leaves with their centre in the image: all of them touch it, whatever their radius."""
    drawn = draw(derive_rng(0, "radii"), (400, 400), 1)
    inside = ((drawn.centres >= 0) & (drawn.centres <= 399)).all(axis=1)

    def below(radius: Any) -> Any:
        largest = largest_radius((400, 400))
        return (1.5**-2 - np.asarray(radius) ** -2.0) / (1.5**-2 - largest**-2)

    assert inside.sum() > 3000
    assert stats.kstest(drawn.radii[inside], below).pvalue > 0.01


def test_the_mean_square_of_radii_is_that_of_the_density() -> None:
    radii = np.linspace(1.5, 24, 200_001)
    weights = radii**-3.0
    expected = np.trapezoid(radii**2 * weights, radii) / np.trapezoid(weights, radii)
    assert mean_square(24.0) == pytest.approx(expected, rel=1e-8)


def test_every_pixel_is_covered_by_six_shapes_on_average() -> None:
    """Within three standard errors over images; no image then shows much of its background."""
    counts = []
    for index in range(20):
        drawn = draw(derive_rng(index, "cover"), (16, 16), 1)
        image = np.zeros((1, 16, 16))
        for leaf in range(len(drawn.radii)):
            one = np.zeros((1, 16, 16))
            shape = {name: value[leaf : leaf + 1] for name, value in vars(drawn).items()}
            shape |= {"colours": np.ones((1, 1)), "slopes": np.zeros((1, 2))}
            paint(one, Leaves(**shape))
            image += one
        counts.append(image.mean())
    error = np.std(counts, ddof=1) / np.sqrt(len(counts))
    assert abs(np.mean(counts) - 6) < 3 * error


def test_colours_go_together_across_channels() -> None:
    drawn = draw(derive_rng(3, "colour"), (200, 200), 3)
    matrix: Any = np.corrcoef(drawn.colours)
    correlation = matrix[np.triu_indices(3, 1)]
    error = (1 - CORRELATION**2) / np.sqrt(drawn.colours.shape[1])
    assert np.all(np.abs(correlation - 0.93) < 3 * error)


def test_what_is_painted_later_covers_what_was_before() -> None:
    first, second = {"colours": (1.0,)}, {"colours": (2.0,), "centres": (4.0, 6.0)}
    image = painted(first, second)
    assert (image[4, 2], image[4, 5], image[4, 8], image[0, 0]) == (1, 2, 2, 0)
    assert painted(second, first)[4, 5] == 1
    assert set(np.unique(image)) == {0, 1, 2}


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.floats(-3, 12)] * 2),
    st.tuples(*[st.floats(0.5, 6)] * 2),
    st.floats(0, np.pi),
    st.booleans(),
)
def test_a_shape_is_where_its_equation_holds(
    centre: tuple[float, float], axes: tuple[float, float], angle: float, rectangular: bool
) -> None:
    """Against a rotation of every pixel, whatever box the painting is confined to."""
    image = painted({"centres": centre, "axes": axes, "angles": angle, "rectangular": rectangular})
    turn = np.exp(-1j * angle)
    for row, column in np.ndindex(9, 9):
        offset = turn * complex(column - centre[1], row - centre[0])
        scaled = offset.real / axes[0], offset.imag / axes[1]
        size = max(map(abs, scaled)) if rectangular else np.hypot(*scaled)
        if abs(size - 1) > 1e-9:
            assert image[row, column] == (size < 1)


def test_a_gradient_is_linear_and_one_radius_long() -> None:
    image = painted({"slopes": (0.5, -0.2)})
    assert image[4, 4] == 1
    np.testing.assert_allclose([image[6, 4], image[2, 4]], [1.5, 0.5])
    np.testing.assert_allclose([image[4, 6], image[4, 2]], [0.8, 1.2])


def test_the_largest_shape_grows_with_images_above_32() -> None:
    assert [largest_radius(size) for size in ((28, 28), (32, 64), (224, 256))] == [24, 24, 168]


def test_the_blur_spreads_by_half_a_pixel_and_keeps_the_sum() -> None:
    image = np.zeros((1, 1, 7, 7))
    image[0, 0, 3, 3] = 1
    spread = blurred(image)[0, 0]
    across = spread.sum(axis=0)
    assert spread.sum() == pytest.approx(1)
    assert (across * (np.arange(7) - 3) ** 2).sum() == pytest.approx(0.25)
    np.testing.assert_array_equal(blurred(np.full((1, 1, 4, 5), 2.5)), 2.5)


def test_the_amplitude_of_pink_noise_falls_with_the_frequency() -> None:
    """Power ∝ f⁻²: its logarithm has slope −2, within three standard errors of the fit."""
    images = pink_noise(40, (64, 64), 1, 0).numpy()[:, 0]
    power = (np.abs(np.fft.fft2(images)) ** 2).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    kept = (frequency > 0.03) & (frequency < 0.5)
    fit: Any = stats.linregress(np.log(frequency[kept]), np.log(power[kept]))
    assert abs(fit.slope + 2) < 3 * fit.stderr
