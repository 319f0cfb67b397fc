"""Resizing: what Pillow's floats give, channel by channel, and what is known of antialiased filters."""

import numpy as np
import pytest

from vicinal import images
from vicinal._errors import InvalidInputError, InvalidTypeError

Image = pytest.importorskip("PIL.Image")
LEVELS = np.random.default_rng(0).integers(0, 256, (5, 3, 9, 14), dtype=np.uint8)


def by_pillow(levels, size):
    """Return levels (H, W) resized as clean-fid does, in [0, 255]."""
    found = Image.fromarray(levels.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(found).clip(0, 255)


@pytest.mark.parametrize("image_size", [1, 4, 10, 31])
def test_every_channel_is_what_pillow_gives_for_floats(image_size):
    found = images.resize(LEVELS, image_size)
    assert found.shape == (5, 3, image_size, image_size)
    assert found.dtype == np.float32
    for image, resized in zip(LEVELS.reshape(-1, 9, 14), found.reshape(-1, image_size, image_size), strict=True):
        assert np.array_equal(resized, by_pillow(image, image_size) / np.float32(255))


def test_every_layout_gives_the_same_numbers():
    first = images.resize(LEVELS, 3)  # 3 x 3 x 3 cannot be told by its shape
    assert np.array_equal(images.resize(LEVELS.transpose(0, 2, 3, 1), 3), first.transpose(0, 2, 3, 1))
    assert np.array_equal(images.resize(LEVELS[:, 0], 3), first[:, 0])
    assert np.array_equal(images.resize(LEVELS[:, :1], 3), first[:, :1])


def test_floats_and_deep_levels_are_resized_in_their_range():
    expected = images.resize(LEVELS, 6)
    units = LEVELS / 255.0
    assert np.allclose(images.resize(units, 6), expected, atol=1e-6)
    assert np.allclose(images.resize(2 * units - 1, 6), 2 * expected - 1, atol=1e-6)
    assert np.allclose(images.resize(LEVELS.astype(np.float64), 6), 255 * expected, atol=1e-4)
    assert np.allclose(images.resize(LEVELS.astype(np.uint16) * 257, 6), expected, atol=1e-6)
    edges = images.resize(np.repeat([0, 255, 0], 5).astype(np.uint8)[None, None].repeat(15, 1), 40)
    assert edges.min() == 0.0  # the filter itself exceeds the range on both sides
    assert edges.max() == 1.0


def test_levels_do_not_depend_on_what_else_is_there():
    dark = np.ones((1, 4, 4), np.uint8)
    assert np.allclose(images.resize(dark, 2), 1 / 255)


def test_images_of_that_size_are_untouched():
    square = LEVELS[..., :9]
    assert images.resize(square, 9) is square
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(square.copy())
    assert images.resize(tensor, 9) is tensor


def test_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch")
    found = images.resize(torch.from_numpy(LEVELS), 6)
    assert found.dtype == torch.float32
    assert np.array_equal(found.numpy(), images.resize(LEVELS, 6))


def test_constants_and_means_are_kept():
    grey = images.resize(np.full((2, 17, 23), 77, np.uint8), 5)
    assert np.allclose(grey, 77 / 255, atol=1e-6)
    inner = np.zeros((1, 32, 32), np.float32)
    inner[:, 8:24, 8:24] = np.random.default_rng(1).random((16, 16))
    assert images.resize(inner, 16).mean() == pytest.approx(inner.mean(), rel=0.02)


def test_a_checkerboard_fades_to_grey():
    board = np.indices((64, 64)).sum(0)[None] % 2 * np.uint8(255)
    board = board.astype(np.uint8)
    found = images.resize(board, 16)[:, 2:-2, 2:-2]
    assert np.abs(found - 0.5).max() < 0.01
    assert np.unique(board[:, ::4, ::4]).size == 1  # what dropping pixels would make of it


def test_threads_and_mapped_arrays_change_nothing(monkeypatch):
    expected = images.resize(LEVELS, 8)
    monkeypatch.setattr("vicinal.images.memory._IN_MEMORY", 10)
    monkeypatch.setattr("vicinal.images.resizing._AT_ONCE", 1)
    monkeypatch.setattr("vicinal.images.resizing.n_cores", lambda: 3)
    found = images.resize(LEVELS, 8)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("given", "size", "error", "message"),
    [
        (LEVELS, 0, InvalidInputError, "image_size must be an integer from 1 to 4096; got 0"),
        (LEVELS, 4097, InvalidInputError, "image_size must be an integer from 1 to 4096; got 4097"),
        (LEVELS, 8.0, InvalidTypeError, "image_size must be an integer from 1 to 4096; got 8.0"),
        (LEVELS[:, 0, 0], 8, InvalidInputError, r"faces must have shape .* got \(5, 14\)"),
        (np.zeros((2, 0, 3)), 8, InvalidInputError, "faces must have sides of at least one pixel"),
        (np.full((2, 4, 4), np.nan), 8, InvalidInputError, "faces must be finite"),
        (np.linspace(-9, 3, 32).reshape(2, 4, 4), 8, InvalidInputError, "faces must be floats in .* from -9 to 3: map"),
        (np.full((2, 4, 4), -1), 8, InvalidInputError, "faces must be .* integers in 0..65535; got int64 from -1 to"),
    ],
)
def test_errors(given, size, error, message):
    with pytest.raises(error, match=message):
        images.resize(given, size, "faces")


def test_no_images_give_no_images():
    assert images.resize(LEVELS[:0], 6).shape == (0, 3, 6, 6)
