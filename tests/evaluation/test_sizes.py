"""Images of given and of differing sizes: what is compared, what is said, and what is refused."""

import numpy as np
import pytest

from vicinal import evaluate, images, metrics
from vicinal._errors import InvalidInputError, UnequalSizesError
from vicinal.metrics import features as vf

pytest.importorskip("PIL.Image")
NAMES = ["frechet_distance"]
SAID = "Images are resized to 4 x 4 as clean-fid does: bicubic, antialiased, in float."


@pytest.fixture
def sets():
    """Return 50 real, training and generated images of 12 x 12, smooth enough to keep something when resized."""
    coarse = np.random.default_rng(0).integers(0, 256, (3, 50, 1, 6, 6), dtype=np.uint8)
    return coarse.repeat(2, axis=3).repeat(2, axis=4)


class Own(vf.PixelFeatures):
    """Pixels of images that must have a size."""

    image_size = 4

    def _features(self, levels):
        assert levels.shape[2:] == (4, 4)
        return super()._features(levels)


def pixels(levels, size):
    return images.resize(levels, size).reshape(len(levels), -1)


@pytest.mark.parametrize("features", [None, vf.PixelFeatures(), lambda x: x.reshape(len(x), -1)])
def test_all_sets_are_resized(sets, features):
    real, train, generated = sets
    scores = evaluate(real, generated, train=train, features=features, metrics=NAMES, image_size=4)
    expected = metrics.frechet_distance(pixels(real, 4), pixels(generated, 4))
    assert scores["generated"]["frechet_distance"] == pytest.approx(expected, rel=1e-4)
    assert (SAID in scores.notes) == (features is None)
    assert any(note.startswith("Images are resized to 4 x 4 for their features") for note in scores.notes) == (
        features is not None
    )


def test_features_are_resized_and_pixels_are_not(sets):
    real, train, generated = sets
    options = {"train": train, "features": vf.PixelFeatures(), "metrics": ["frechet_distance", "mmd"]}
    scores, whole = evaluate(real, generated, image_size=4, **options), evaluate(real, generated, **options)
    assert scores["generated"]["mmd"] == whole["generated"]["mmd"]
    assert scores["generated"]["frechet_distance"] != whole["generated"]["frechet_distance"]


def test_floats_are_rounded_as_a_file_would_before_they_are_resized(sets):
    real, _, generated = sets
    floats = np.clip(generated / 255 + np.random.default_rng(1).uniform(-0.0019, 0.0019, generated.shape), 0, 1)
    options = {"features": vf.PixelFeatures(), "metrics": NAMES, "image_size": 4}
    assert evaluate(real, floats, **options).rows == evaluate(real, generated, **options).rows


def test_sets_of_several_sizes(sets):
    real, train, generated = sets
    layouts = {"x": generated[:, 0].repeat(2, axis=1), "y": generated.repeat(2, axis=2).transpose(0, 2, 3, 1)}
    scores = evaluate(real, layouts, train=train, metrics=NAMES, image_size=4)
    for name in layouts:
        expected = metrics.frechet_distance(pixels(real, 4), pixels(layouts[name].reshape(50, 1, 24, -1), 4))
        assert scores[name]["frechet_distance"] == pytest.approx(expected, rel=1e-4)


def test_features_that_resize_anyway_take_any_sizes(sets):
    real, train, generated = sets
    wide = generated.repeat(2, axis=3)
    scores = evaluate(real, wide, train=train, features=Own(), metrics=NAMES)
    expected = metrics.frechet_distance(pixels(real, 4), pixels(wide, 4))
    assert scores["generated"]["frechet_distance"] == pytest.approx(expected, rel=1e-4)
    assert SAID in scores.notes
    assert any("12 x 12 in real" in note and "24 x 12 in generated" in note for note in scores.notes)
    given = evaluate(real, wide, train=train, features=Own(), metrics=NAMES, image_size=4)
    assert given.rows == scores.rows


def test_floats_of_the_size_are_not_rounded(sets):
    real, _, generated = sets
    exact = evaluate(images.resize(real, 4), generated, features=Own(), metrics=NAMES, image_size=4)
    assert exact.rows == evaluate(real, generated, features=Own(), metrics=NAMES, image_size=4).rows


def test_nothing_is_resized_unasked(sets):
    real, _, generated = sets
    scores = evaluate(real, generated, features=vf.PixelFeatures(), metrics=NAMES)
    assert not any("resized" in note for note in scores.notes)


@pytest.mark.parametrize("features", [None, vf.PixelFeatures()])
def test_differing_sizes_name_what_mends_them(sets, features):
    real, _, generated = sets
    with pytest.raises(UnequalSizesError, match=r"got 12 x 12 in real, 12 x 24 in generated .*: pass image_size=12"):
        evaluate(real, generated.repeat(2, axis=2), features=features, metrics=NAMES)


def test_latents_are_not_resized():
    real, good = np.random.default_rng(0).normal(size=(2, 40, 5))
    with pytest.raises(InvalidInputError, match=r"image_size must be None unless all sets are images.*leave it out"):
        evaluate(real, good, image_size=8)
    with pytest.raises(InvalidInputError, match=r"image_size must be an integer from 1 to 4096; got -1"):
        evaluate(real, good, image_size=-1)


def test_reconstructions_are_resized_too(sets):
    real, train, generated = sets
    blurred = pixels(real, 3).reshape(50, 1, 3, 3)
    scores = evaluate(real, generated, train=train, reconstructions=blurred, metrics=["nn_ratio"], image_size=4)
    expected = metrics.nn_ratio(pixels(blurred, 4), pixels(generated, 4), train=pixels(train, 4))
    assert scores["generated"]["nn_ratio"] == pytest.approx(expected, rel=1e-3)
