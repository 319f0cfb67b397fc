"""The numbers that a model is given."""

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder
from vicinal._errors import AutoencoderWarning

SAME = Autoencoder(lambda images: images, lambda latents: latents)


@pytest.fixture(params=["numpy", "torch"])
def library(request):
    if request.param == "torch":
        return pytest.importorskip("torch").from_numpy
    return np.asarray


def encoded(library, images, **options):
    return np.asarray(vicinal.encode(SAME, library(images), **options))


def test_a_range_maps_levels_and_units_in_and_out(library):
    levels = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1)
    assert np.allclose(encoded(library, levels, value_range=(-1, 1)).ravel(), [-1.0, -0.6, 1.0], atol=1e-6)
    units = levels / np.float32(255)
    assert np.allclose(encoded(library, units, value_range=(-1, 1)).ravel(), [-1.0, -0.6, 1.0], atol=1e-6)
    assert np.allclose(encoded(library, levels, value_range=(0, 255)).ravel(), levels.ravel())
    values = np.array([[-1.0], [0.0], [1.0]], np.float32)
    decoded = np.asarray(vicinal.decode(SAME, library(values), value_range=(-1, 1)))
    assert decoded.ravel().tolist() == [0.0, 0.5, 1.0]
    assert decoded.dtype == np.float32


def test_the_range_of_a_model_goes_with_it():
    signed = Autoencoder(lambda images: images, lambda latents: latents, value_range=(-1, 1))
    images = np.random.default_rng(0).random((5, 3))
    latents = vicinal.encode(signed, images)
    assert np.allclose(latents, 2 * images - 1)
    assert np.allclose(vicinal.decode(signed, latents), images)
    assert np.allclose(signed.decode(signed.encode(images)), images)
    sampler = vicinal.PMFSampler(8, random_state=0).fit(latents)
    assert np.allclose(vicinal.generate(signed, sampler, 4), (sampler.sample(4) + 1) / 2)
    assert np.allclose(vicinal.generate(SAME, sampler, 4, value_range=(-1, 1)), (sampler.sample(4) + 1) / 2)


def test_images_that_are_in_the_range_of_the_model_already_are_refused(library):
    images = np.random.default_rng(0).uniform(-1, 1, size=(5, 1, 4, 4))
    with pytest.raises(ValueError, match=r"got floats from -.*: pass \(images \+ 1\) / 2, or leave value_range out"):
        encoded(library, images, value_range=(-1, 1))
    with pytest.raises(ValueError, match="pass images / 255, or leave"):
        encoded(library, 255 * np.abs(images), value_range=(-1, 1))
    assert encoded(library, np.float32([[[[-0.01, 1.02]]]]), value_range=(0, 2)).max() == np.float32(2.04)


@pytest.mark.parametrize("given", [(1, -1), (0, 0), (0, np.inf), 3, "ab", (0, 1, 2)])
def test_ranges_that_are_none(given):
    with pytest.raises((ValueError, TypeError), match="value_range must be the values of black and white"):
        vicinal.encode(SAME, np.ones((1, 2)), value_range=given)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_tables_and_tokens_are_not_divided(library, dtype):
    table = np.random.default_rng(0).integers(90, size=(20, 4)).astype(dtype)
    if dtype == np.uint8:
        with pytest.warns(AutoencoderWarning, match="are not divided by 255. Pass images / 255 if they are images"):
            found = encoded(library, table, batch_size=7)
    else:
        found = encoded(library, table)
    assert np.array_equal(found, table)
    assert found.dtype == dtype


def test_rows_of_levels_are_one_thing_throughout(library):
    rows = np.arange(256, dtype=np.uint8).reshape(64, 4)
    assert encoded(library, rows).max() == 1.0
    with pytest.raises(ValueError, match="got rows of uint8 up to 127, then above: pass images / 255"):
        encoded(library, rows, batch_size=4)
    assert encoded(library, rows[::-1].copy(), batch_size=4).max() == 1.0


def test_other_integers_in_the_shape_of_images_are_refused(library):
    for shape in ((2, 3, 4, 4), (2, 4, 4, 1)):
        with pytest.raises(ValueError, match=r"images must be levels uint8, .*got (torch\.)?int32 of shape"):
            encoded(library, np.ones(shape, np.int32))
    assert np.array_equal(encoded(library, np.ones((2, 3, 5), np.int64)), np.ones((2, 3, 5)))


def test_masks_are_black_and_white(library):
    mask = np.array([[[[True, False]]]])
    assert encoded(library, mask, value_range=(-1, 1)).ravel().tolist() == [1.0, -1.0]
    assert encoded(library, mask).dtype == bool


def test_a_range_says_that_integers_are_images(library):
    dark = np.array([[0, 51]], np.uint8)  # rows that would be a table
    assert np.allclose(encoded(library, dark, value_range=(-1, 1)), [[-1.0, -0.6]])
    with pytest.raises(ValueError, match="images must be levels uint8"):
        encoded(library, dark.astype(np.int64), value_range=(-1, 1))
