"""Files of several sizes, each resized from its own size to one."""

import numpy as np
import pytest

from vicinal import image_files, images
from vicinal._errors import UnequalSizesError

Image = pytest.importorskip("PIL.Image")
GENERATOR = np.random.default_rng(0)
LEVELS = {
    name: GENERATOR.integers(0, 256, shape, dtype=np.uint8)
    for name, shape in {"a": (6, 5), "b": (9, 9), "c": (31, 12), "d": (8, 8)}.items()
}


def test_each_file_is_resized_from_its_own_size(tmp_path):
    for name, levels in LEVELS.items():
        Image.fromarray(levels).save(tmp_path / f"{name}.png")
    with pytest.raises(UnequalSizesError, match=r"got 5 x 6 in a.png but 9 x 9 in b.png .*: pass image_size=64, or"):
        image_files.read(tmp_path)
    found = image_files.read(tmp_path, 8)
    assert found.dtype == np.float32
    for image, levels in zip(found, LEVELS.values(), strict=True):
        assert np.array_equal(image, images.in_units(images.resize(levels[None], 8)))


def test_files_of_that_size_stay_levels(tmp_path):
    Image.fromarray(LEVELS["d"]).save(tmp_path / "d.png")
    found = image_files.read(tmp_path, 8)
    assert found.dtype == np.uint8
    assert np.array_equal(found[0, 0], LEVELS["d"])


@pytest.mark.parametrize("order", ["abcd", "dcba"])
def test_colour_and_16_bits_among_them(tmp_path, order):
    a, b, c, d = order
    Image.fromarray(LEVELS["a"]).save(tmp_path / f"{a}.png")
    Image.fromarray(LEVELS["b"].repeat(3, 1).reshape(9, 9, 3)).save(tmp_path / f"{b}.png")
    Image.fromarray(LEVELS["c"] * np.uint16(257)).save(tmp_path / f"{c}.png")
    Image.fromarray(LEVELS["d"]).save(tmp_path / f"{d}.png")
    found = dict(zip(sorted(order), image_files.read(tmp_path, 8), strict=True))
    assert found[a].shape == (3, 8, 8)
    for name, levels in zip(order, LEVELS.values(), strict=True):
        expected = images.in_units(images.resize(levels[None], 8))
        assert np.allclose(found[name], expected, atol=1e-6)


def test_arrays_in_files_are_resized(tmp_path):
    np.save(tmp_path / "b.npy", LEVELS["b"][None])
    assert np.array_equal(image_files.read(tmp_path / "b.npy", 4), images.resize(LEVELS["b"][None], 4))
    with pytest.raises(ValueError, match="image_size must be an integer from 1 to 4096; got 0"):
        image_files.read(tmp_path / "b.npy", 0)
