"""Cards, the map, and the file of samples."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.explore import pictures

PIL = pytest.importorskip("PIL.Image")


def test_pictures_stand_beside_each_other_enlarged_by_whole_numbers():
    grey, colour = np.full((10, 6, 1), 7, np.uint8), np.full((10, 6, 3), (1, 2, 3), np.uint8)
    found = pictures.beside([grey, colour])
    factor = found.shape[0] // 10
    assert found.shape[0] == 10 * factor >= 128 > 10 * (factor - 1)
    assert (found[:, : 6 * factor] == 7).all()
    assert (found[:, -6 * factor :] == (1, 2, 3)).all()


def test_large_pictures_keep_their_size():
    assert pictures.beside([np.zeros((256, 200, 3), np.uint8)]).shape == (256, 200, 3)


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3, width=32)] * 2), min_size=1, max_size=20))
def test_a_pixel_gives_back_its_point(points):
    points = np.array(points)
    frame = pictures.Frame.of(points)
    pixels = frame.pixels(points)
    assert (pixels >= 0).all()
    assert (pixels <= pictures.SIDE).all()
    back = np.array([frame.point(pixel) for pixel in pixels])
    np.testing.assert_allclose(back, points, atol=1e-6 * max(1.0, np.abs(points).max()))


def test_the_map_shows_classes_samples_and_the_chosen_latent():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    samples = np.array([[0.5, 0.5]])
    frame = pictures.Frame.of(points, samples)
    found = pictures.map_of(points, samples, np.array(["a", "a", "b", "b"]), chosen=3)

    def at(point, shift=0):
        x, y = np.rint(frame.pixels(np.array([point]))[0]).astype(int)
        return tuple(found[y, x + shift])

    assert at(points[0]) == at(points[1]) != at(points[2])
    assert at(points[3]) not in (at(points[0]), at(points[2]), (255, 255, 255))
    assert at(samples[0]) == (255, 255, 255), "a ring is empty"
    assert at(samples[0], shift=6) == (20, 24, 28)


def test_the_file_holds_the_pixels_and_what_makes_them():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)
    with zipfile.ZipFile(io.BytesIO(pictures.archive(list(images), {"seed": 5}))) as file:
        assert json.loads(file.read("made-by.json")) == {"seed": 5}
        for i, image in enumerate(images):
            np.testing.assert_array_equal(np.asarray(PIL.open(file.open(f"{i:06d}.png"))), image[..., 0])
