"""The training data that a sampler goes with."""

import numpy as np
import pytest

from vicinal import LocalSampler
from vicinal._errors import InvalidInputError
from vicinal.explore.training import Training


def test_a_sampler_gives_back_what_it_was_fitted_to(model, images, labels, samplers):
    kept = Training.kept_by(samplers["local"])
    np.testing.assert_array_equal(kept.latents, model.encode(images))
    np.testing.assert_array_equal(kept.labels, labels)
    assert Training.kept_by(samplers["pmf"]) is None


def test_without_classes_there_are_none(model, images):
    kept = Training.kept_by(LocalSampler(10, scale=1.0).fit(model.encode(images)))
    assert kept.labels is None


def test_classes_are_those_of_the_fit(model, images, labels, samplers):
    of_images = Training.of_images(model, images)
    np.testing.assert_array_equal(of_images.for_sampler(samplers["local"], "local").labels, labels)
    assert of_images.for_sampler(samplers["pmf"], "pmf").labels is None


def test_other_images_are_refused(model, images, samplers):
    for other in (images[::-1], images[:200], 1.0 - images):
        with pytest.raises(InvalidInputError, match="images must be the 300 that local was fitted to, in the same"):
            Training.of_images(model, other).for_sampler(samplers["local"], "local")


def test_latents_that_differ_by_rounding_are_the_same(model, images, samplers):
    training = Training.of_images(model, images)
    moved = training._replace(latents=training.latents * np.float32(1.00001))
    assert moved.for_sampler(samplers["local"], "local").labels is not None


def test_a_label_for_each_image(model, images, labels):
    with pytest.raises(InvalidInputError, match=r"labels must have shape \(300,\), one for each image; got \(299,\)"):
        Training.of_images(model, images, labels[1:])


def test_latents_of_another_shape_are_refused(model, images, samplers):
    flat = Training.of_images(model, images)
    with pytest.raises(InvalidInputError, match="pmf must be fitted to latents of this autoencoder"):
        flat._replace(latents=flat.latents[:, :2]).for_sampler(samplers["pmf"], "pmf")
