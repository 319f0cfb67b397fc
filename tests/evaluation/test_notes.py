"""The notes under a table: what could not be taken, what is not comparable, what novelty is measured between."""

import numpy as np
import pytest

from vicinal import evaluate, metrics
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.metrics.features import PixelFeatures


@pytest.fixture
def data():
    """Return training rows, held-out rows and samples of one distribution."""
    return np.random.default_rng(0).normal(size=(3, 200, 4))


def said(scores, *parts):
    """Return whether one note has all the parts."""
    return any(all(part in note for part in parts) for note in scores.notes)


def test_one_metric_that_cannot_be_taken_ends_no_table(data):
    real = np.where(np.arange(200)[:, None] < 150, 0.0, data[1])
    scores = evaluate(real, data[2], metrics=["frechet_distance", "mmd"])
    assert scores["generated"]["frechet_distance"] == metrics.frechet_distance(real, data[2])
    assert np.isnan(scores["generated"]["mmd"])
    assert said(scores, "MMD² of generated could not be taken: ", "half of its rows are equal")
    few = evaluate(data[1][:4], data[2], metrics=["frechet_distance", "precision"])
    assert np.isfinite(few["generated"]["frechet_distance"])
    assert said(few, "precision of generated could not be taken: real must have more than n_neighbors=5 rows; got 4")


def test_no_nan_is_without_a_reason(data):
    train, real, good = data
    with pytest.warns(UserWarning, match="are also training rows"):
        scores = evaluate(train, {"good": [good, real], "few": good[:8]}, train=train)
    missing = [(row["name"], name) for row in scores.rows for name, value in row.items() if value != value]
    missing = [(row, name) for row, name in missing if not name.endswith("_se")]
    assert ("good", "nn_ratio") in missing
    assert ("few", "data_copying") in missing
    for row, name in missing:
        assert said(scores, f" of {row} could not be taken", metrics_heading(name)), (row, name)


def metrics_heading(name):
    from vicinal.evaluation import METRICS

    return METRICS[name].heading.rstrip(" ↓↑")


def test_reference_rows_have_as_many_rows_as_the_samples(data):
    train, real, good = data
    scores = evaluate(real, good[:70], train=train, metrics=["frechet_distance"])
    assert {row["name"]: row["n"] for row in scores.rows} == {REAL: 70, BOOTSTRAP: 70, "generated": 70}
    assert not said(scores, "differ in their number")
    drawn = np.random.default_rng([0, 2]).choice(200, 70, replace=False)
    assert scores[REAL]["frechet_distance"] == metrics.frechet_distance(real, train[drawn])


def test_unequal_numbers_of_rows_are_named(data):
    train, real, good = data
    scores = evaluate(real, {"all": good, "some": [good[:90], good[:80]]}, train=train[:150], metrics=["nn_ratio"])
    assert scores[REAL]["n"] == 150, "there are no more training rows"
    assert said(scores, f"80: some; 90: some; 150: {REAL}; 200: {BOOTSTRAP}, all", "compare rows of equal n")


def test_what_is_below_real_data_is_explained(data):
    train, real, _ = data
    scores = evaluate(real, {"itself": real, "far": real + 9}, train=train, metrics=["frechet_distance", "recall"])
    assert said(scores, f"Lower than {REAL} (Frechet distance: itself", "That row is no bound")
    assert not said(scores, "Lower than", "far")


def test_what_an_interval_has_in_it_is_said(data):
    _, real, good = data
    sets = {"a": [good[:90], good[90:180]], "b": [good[:90] + 1, good[90:180] + 1]}
    scores = evaluate(real, sets, metrics=["frechet_distance"], baseline="a")
    assert said(scores, "95 % confidence interval", "with the chance of which rows were held out")
    few = evaluate(real[:15], sets, metrics=["frechet_distance"], baseline="a")
    assert said(few, "from its seeds alone. It leaves out the chance of which rows were held out")
    assert not said(evaluate(real, sets, metrics=["frechet_distance"]), "confidence interval")


@pytest.fixture
def blurred():
    """Return training and held-out images, and a function that blurs images as an autoencoder does."""
    generator = np.random.default_rng(0)
    basis = np.linalg.qr(generator.normal(size=(36, 3)))[0]
    rows = 0.5 + 0.15 * generator.normal(size=(700, 3)) @ basis.T + 0.05 * generator.normal(size=(700, 36))
    images = rows.clip(0, 1).reshape(-1, 1, 6, 6)

    def blur(images):
        return (0.5 + (images.reshape(-1, 36) - 0.5) @ basis @ basis.T).reshape(images.shape)

    return images[:400], images[400:550], images[550:], blur


def test_blur_is_no_copying_beside_reconstructions(blurred):
    train, real, other, blur = blurred
    names = ["nn_ratio", "copied", "novelty_p"]
    between_pixels = evaluate(real, blur(other), train=train, metrics=names)
    assert between_pixels["generated"]["novelty_p"] < 0.01, "fresh images that were blurred read as copies"
    assert said(between_pixels, "between pixels, where blur reads as copying", "reconstructions=")
    scores = evaluate(
        real, {"fresh": blur(other), "copies": train[:150]}, train=train, metrics=names, reconstructions=blur(real)
    )
    assert 0.9 < scores["fresh"]["nn_ratio"] < 1.1
    assert scores["fresh"]["novelty_p"] > 0.05
    assert scores["copies"]["nn_ratio"] == 0.0
    assert scores["copies"]["novelty_p"] < 1e-6
    assert scores[RECONSTRUCTIONS]["nn_ratio"] == 1.0
    assert said(scores, "relative to the reconstructions")
    assert said(scores, "The reconstructions themselves read as copies")
    sharp = evaluate(real, other, train=train, metrics=names, reconstructions=other)
    assert not said(sharp, "read as copies")


def test_novelty_of_images_is_between_features_where_there_are_some(blurred):
    train, real, other, _ = blurred

    def features(images):
        return images[:, 0, 0, :3]

    scores = evaluate(real, other, train=train, metrics=["nn_ratio", "feature_nn_ratio"], features=features)
    assert scores["generated"]["nn_ratio"] == scores["generated"]["feature_nn_ratio"]
    assert said(scores, "Novelty is measured between features.")
    latents = evaluate(real - 0.5, other - 0.5, train=train - 0.5, metrics=["nn_ratio"])
    assert not said(latents, "pixels")
    relative = evaluate(real, other, train=train, metrics=["nn_ratio"], features=PixelFeatures(), reconstructions=real)
    assert said(relative, "relative to the reconstructions")
