"""Features of images that are resized first: read as a file keeps them, resized in float, and never rounded again."""

import numpy as np
import pytest

from vicinal import images
from vicinal._errors import InvalidInputError
from vicinal.metrics import features as vf

pytest.importorskip("PIL.Image")


class Seen(vf.FeatureExtractor):
    """Gives the levels that it is given."""

    name = "seen"
    fingerprint = "Seen"

    def __init__(self):
        self.dtypes = []

    def _features(self, levels):
        self.dtypes.append(levels.dtype)
        return levels.reshape(len(levels), -1)


def test_the_extractor_sees_unrounded_levels(generator):
    levels = generator.integers(0, 256, (7, 3, 20, 20), dtype=np.uint8)
    seen = Seen()
    found = seen.resized(5)(levels)
    assert set(seen.dtypes) == {np.dtype(np.float32)}
    assert np.allclose(found, 255 * images.resize(levels, 5).reshape(7, -1), atol=1e-3)
    assert np.abs(found - np.rint(found)).max() > 0.4
    assert found.min() >= 0
    assert found.max() <= 255


def test_floats_are_rounded_before_unless_they_have_the_size(generator):
    floats = generator.random((6, 1, 12, 12), dtype=np.float32)
    resized = vf.PixelFeatures().resized(4)
    assert np.array_equal(resized(floats), resized(images.to_levels(floats)))
    small = images.resize(images.to_levels(floats), 4)
    assert np.allclose(resized(small), resized(floats), atol=1e-6)
    assert np.allclose(vf.PixelFeatures().resized(12)(floats), floats.reshape(6, -1), atol=1e-6)
    with pytest.raises(InvalidInputError, match=r"divide by 255"):
        resized(200 * small)


def test_blocks_change_nothing(generator, monkeypatch):
    levels = generator.integers(0, 256, (7, 3, 20, 20), dtype=np.uint8)
    expected = vf.PixelFeatures().resized(5)(levels)
    monkeypatch.setattr("vicinal.metrics.features.extractor._AT_ONCE", 1)
    assert np.array_equal(vf.PixelFeatures().resized(5)(levels), expected)


def test_a_cache_keeps_each_size_apart(generator, tmp_path):
    levels = generator.integers(0, 256, (4, 1, 12, 12), dtype=np.uint8)
    cached = vf.CachedFeatures(vf.PixelFeatures(), tmp_path)
    for size in (4, 6, 4):
        assert np.array_equal(cached.resized(size)(levels), vf.PixelFeatures().resized(size)(levels))
    assert len(list(tmp_path.iterdir())) == 2
    small = images.resize(levels, 4)
    assert np.array_equal(cached.resized(4)(small), cached.resized(4)(small))
    assert np.allclose(cached.resized(4)(small), small.reshape(4, -1), atol=1e-6)


def test_every_extractor_takes_unrounded_levels(generator):
    torch = pytest.importorskip("torch")
    levels = generator.integers(0, 256, (30, 1, 12, 12), dtype=np.uint8)
    exact = images.resize(levels, 6)
    classifier = vf.ClassifierFeatures(exact, np.arange(30) % 3, hidden_units=(9, 5), n_epochs=2)
    module = vf.ModuleFeatures(torch.nn.Conv2d(1, 4, 3))
    for extractor in (classifier, module):
        found = extractor.resized(6)(levels)
        assert not np.array_equal(found, extractor(exact))  # which rounds
        assert np.allclose(found, extractor(exact), atol=0.02)


def test_networks_tell_the_size_they_resize_to(efficientnet, inception):
    assert (efficientnet.image_size, inception.image_size, vf.PixelFeatures().image_size) == (64, 299, None)
    assert vf.CachedFeatures(inception, "folder").image_size == 299
    assert inception.resized(32).image_size == 32
    assert inception.resized(32).frechet_name == inception.frechet_name


def test_inception_sees_clean_images(inception, generator):
    torch = pytest.importorskip("torch")
    levels = generator.integers(0, 256, (1, 3, 40, 50), dtype=np.uint8)
    with torch.inference_mode():
        expected = inception._forward(torch.from_numpy(255 * images.resize(levels, 299)))
    assert np.allclose(inception.resized(299)(levels), expected, rtol=1e-3, atol=1e-4)
