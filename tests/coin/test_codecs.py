"""Image files, sheets, principal components: bytes are those of what was written."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from experiments.coded_images.files import decode_file, encode_file
from experiments.coded_images.latents import through_bytes
from experiments.coded_images.measure import packed, squared_errors, unpacked
from experiments.coded_images.pca import fit_basis
from experiments.coded_images.sheets import tile, untile
from tropnnc import TropnncError


def picture(channels: int, side: int = 28, count: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(channels)
    coarse = torch.rand(count, channels, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, side, mode="bicubic").clamp(0, 1)
    return (255 * smooth).to(torch.uint8)


@given(
    count=st.integers(1, 30),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
)
@settings(max_examples=25, deadline=None)
def test_a_sheet_and_back(count: int, height: int, width: int, channels: int) -> None:
    size = (count, channels, height, width)
    images = torch.randint(256, size, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    sheet = tile(images)
    assert all(side % 16 == 0 for side in sheet.shape[2:])
    assert torch.equal(untile(sheet, images), images)


def test_the_sheet_of_a_thousand_digits() -> None:
    """800 × 1,280 as in relatives.md: 28 × 28 in cells of 32 × 32, padded by their edges."""
    images = torch.randint(256, (1000, 1, 28, 28), dtype=torch.uint8)
    sheet = tile(images)[0, 0]
    assert sheet.shape == (800, 1280)
    assert torch.equal(sheet[2:30, 34:62], images[1, 0])
    assert torch.equal(sheet[0, 34:62], images[1, 0, 0])
    assert sheet[32, 0] == images[40, 0, 0, 0]


@pytest.mark.parametrize("codec", ["jpeg", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_better_files_are_larger(codec: str, channels: int) -> None:
    [image] = picture(channels, side=64, count=1)
    sizes, errors = [], []
    for quality in (1, 30, 80):
        data = encode_file(image, codec, quality)
        decoded = decode_file(data, channels)
        assert decoded.shape == image.shape
        sizes.append(len(data))
        errors.append(int(squared_errors(image[None], decoded[None])[0]))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_jpeg2000_takes_the_rate() -> None:
    [image] = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    few, many = (len(encode_file(image, "jpeg2000", rate)) for rate in (16, 4))
    assert few < 3 * 64 * 64 / 16 * 1.3 < many < 3 * 64 * 64 / 4 * 1.3
    assert decode_file(encode_file(image, "jpeg2000", 4), 3).shape == image.shape


def test_jpeg_is_the_file_of_its_quality_and_no_search_for_a_size() -> None:
    """The tables in the file are the standard's, scaled by the quality that was asked for."""
    [image] = picture(1, count=1)
    for quality, first in ((50, [16, 11, 10]), (10, [80, 55, 50]), (90, [3, 2, 2])):
        with Image.open(io.BytesIO(encode_file(image, "jpeg", quality))) as found:
            assert vars(found)["quantization"][0][:3] == first
    assert encode_file(image, "jpeg", 50) == encode_file(image, "jpeg", 50)


def test_all_components_are_all_pixels() -> None:
    images = picture(1, side=6, count=80)
    basis = fit_basis(images, 36)
    assert basis.stored_bytes == 4 * 36 * 37
    assert torch.equal(basis.restore(basis.project(images), images), images)
    gram = basis.rows @ basis.rows.T
    torch.testing.assert_close(gram, torch.eye(36), rtol=0, atol=1e-5)


def test_components_are_those_of_the_largest_variance() -> None:
    images = picture(1, side=8, count=200)
    variances = fit_basis(images, 64).project(images).var(axis=0)
    assert (np.diff(variances) <= 1e-6).all()
    with pytest.raises(TropnncError, match="1 to 64 are"):
        fit_basis(images, 65)


def test_streams_per_image_cost_whole_bytes_and_one_stream_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(500, 64)), rng.normal(size=(200, 64))
    each, one = (through_bytes(test, train, 5, layout, False) for layout in ("image", "sheet"))
    assert (len(each.sizes), len(one.sizes)) == (200, 1)
    assert np.array_equal(each.latents, one.latents)
    assert each.ideal == one.ideal
    assert one.sizes.sum() * 8 <= 1.001 * one.ideal + 64
    # A range coder's last word, cut to whole bytes: at most four bytes an image.
    assert one.sizes.sum() < each.sizes.sum() <= one.ideal / 8 + 4 * 200
    assert one.shared == 4 * (2 + 32)


def test_the_rate_model_never_sees_test_latents() -> None:
    """A trap of the public code. Test latents of another scale are coded by the training tables."""
    rng = np.random.default_rng(0)
    train = rng.normal(size=(500, 16))
    near, far = (through_bytes(k * train[:100], train, 5, "sheet", False) for k in (1, 10))
    assert far.sizes[0] > near.sizes[0]
    assert np.abs(far.latents).max() <= 3.01 * train.std() + abs(train.mean())


def test_floats_as_they_are() -> None:
    latents = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    values = latents.astype(np.float64)
    found = through_bytes(values, values, 32, "sheet", False)
    assert (found.sizes.tolist(), found.shared) == ([160], 0)
    assert np.array_equal(found.latents, latents)


def test_integers_as_text() -> None:
    values = np.array([0, 1, 255**2 * 3072, 2**32 - 1])
    assert np.array_equal(unpacked(packed(values)), values)
    for text in ("", "!!", packed(values)[:-8], "eJw="):
        with pytest.raises(TropnncError, match=r"^damaged"):
            unpacked(text)
