"""Augmentation: against one pixel at a time, and nothing drawn for what is off."""

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from experiments.augmentation import batches, flipped, shifted
from experiments.data import Split
from tests.harness.cells import RECIPE

OFF = replace(RECIPE, shift=0, batch=7)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_images(count: int, channels: int, size: int) -> Tensor:
    return torch.randint(0, 256, (count, channels, size, size), generator=seeded(0)).byte()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.integers(0))
def test_shift_against_one_pixel_at_a_time(
    count: int, channels: int, size: int, reach: int, seed: int
) -> None:
    images = some_images(count, channels, size)
    moved = shifted(images, reach, seeded(seed % 2**63))
    offsets = torch.randint(0, 2 * reach + 1, (2, count, 1), generator=seeded(seed % 2**63))
    for index in range(count):
        down, right = (offsets[:, index, 0] - reach).tolist()
        for row in range(size):
            for column in range(size):
                y, x = row + down, column + right
                inside = 0 <= y < size and 0 <= x < size
                wanted = images[index, :, y, x] if inside else torch.zeros(channels).byte()
                assert torch.equal(moved[index, :, row, column], wanted)


def test_shift_keeps_the_strides_that_convolutions_choose_their_algorithm_by() -> None:
    for channels in (1, 3):
        moved = shifted(some_images(4, channels, 6), 2, seeded(0))
        assert moved.stride() == (36 * channels, 1, 6 * channels, channels)


def test_about_half_of_the_images_are_mirrored_and_the_others_are_not() -> None:
    images = some_images(1000, 3, 4)
    changed = flipped(images, seeded(1))
    mirrored = (changed == images.flip(-1)).flatten(1).all(dim=1)
    assert torch.equal(mirrored, ~(changed == images).flatten(1).all(dim=1))
    assert 450 < int(mirrored.sum()) < 550


def test_an_epoch_has_every_image_once() -> None:
    split = Split(some_images(40, 1, 3), torch.arange(40))
    for recipe in (OFF, replace(OFF, shift=1, flip=True)):
        epoch = list(batches(split, recipe, seeded(2)))
        assert [len(batch) for batch in epoch] == [7] * 5 + [5]
        assert sorted(torch.cat([batch.labels for batch in epoch]).tolist()) == list(range(40))


def test_what_is_off_draws_nothing() -> None:
    split = Split(some_images(40, 1, 3), torch.arange(40))
    order, plain = seeded(3), seeded(3)
    list(batches(split, OFF, order))
    torch.randperm(40, generator=plain)
    assert torch.equal(order.get_state(), plain.get_state())
