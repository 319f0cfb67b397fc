"""What the live explorer shows, against brute force and against the library's own calls."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from vicinal import Autoencoder, generate
from vicinal._errors import InvalidInputError
from vicinal.explore import Studio
from vicinal.explore.studio import Choice


@pytest.fixture(scope="module")
def studio(model, samplers, images, labels):
    return Studio(model, samplers, images, labels=labels)


@pytest.fixture(scope="module")
def blind(model, samplers):
    """Return a studio without images."""
    return Studio(model, samplers)


def levels(images):
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", ["local", "pmf", "gmm"])
def test_samples_are_those_that_the_library_generates(studio, model, samplers, name):
    cards = studio.cards(Choice(name, seed=3, n_samples=10))
    shown = np.stack([card.pictures["sample"] for card in cards])
    np.testing.assert_array_equal(shown, levels(generate(model, samplers[name], 10, random_state=3)))


@pytest.mark.parametrize("name", ["local", "gmm"])
def test_beside_each_is_the_nearest_training_image(studio, model, images, samplers, name):
    train = model.encode(images)
    latents = samplers[name].sample(20, random_state=1)
    spread = np.median(np.abs(train - np.median(train, axis=0)), axis=0)  # alike in all dimensions here
    assert spread.max() < 1.2 * spread.min()
    distances = cdist(latents, train)
    for latent, to_train, card in zip(
        latents, distances, studio.cards(Choice(name, seed=1, n_samples=20)), strict=True
    ):
        shown = card.pictures["its image"]
        (place,) = np.flatnonzero((levels(images) == shown).all(axis=(1, 2, 3)))
        assert to_train[place] <= 1.2 * to_train.min(), latent
        np.testing.assert_array_equal(card.pictures["nearest training latent, decoded"], shown)


def test_distances_are_in_those_of_fresh_data(model, images, labels, samplers):
    """Half of the training data, seen as samples of the other half, are as far as fresh data."""

    class Held:
        classes_, event_shape_, _calibrates = np.array([]), (4,), ()

        def get_params(self):
            return {}

        def sample(self, n, y=None, random_state=None):
            return model.encode(images[200:][:n])

    studio = Studio(model, {"held": Held()}, images[:200])
    ratios = [float(card.caption.split(": ")[1]) for card in studio.cards(Choice("held", n_samples=100))]
    assert 0.8 < np.median(ratios) < 1.25


def test_copies_have_distance_0(studio, model, images):
    cards = studio.around(Choice("local"), 7)
    assert cards[0].caption == "training row 7"
    np.testing.assert_array_equal(cards[0].pictures["its image"], levels(images[[7]])[0])
    np.testing.assert_array_equal(cards[0].pictures["training latent, decoded"], levels(images[[7]])[0])
    path = studio.path(Choice("local"), 1, 1, 2)
    assert path[0].pictures["sample"].tolist() == path[1].pictures["sample"].tolist()


def test_near_a_latent_are_samples_of_its_vicinity(studio, samplers, model, images):
    near = [card.pictures["sample"] for card in studio.around(Choice("local", seed=5), 7)[1:]]
    expected = model.decode(samplers["local"].vicinity(model.encode(images)[7], len(near), random_state=5))
    np.testing.assert_array_equal(np.stack(near), levels(expected))


def test_a_class_is_kept_to(studio):
    assert studio.classes("local") == ["bright", "dark"]
    assert studio.classes("gmm") == []
    dark = [card.pictures["sample"].mean() for card in studio.cards(Choice("local", n_samples=30, label="dark"))]
    bright = [card.pictures["sample"].mean() for card in studio.cards(Choice("local", n_samples=30, label="bright"))]
    assert max(dark) < 128 < min(bright)


@pytest.mark.parametrize("name", ["local", "pmf"])
def test_a_refit_moves_novelty_and_leaves_the_sampler_alone(studio, samplers, name):
    before = samplers[name].sample(5, random_state=0)
    near, far = (studio.how_new(name, novelty, None) for novelty in (0.5, 1.0))
    ratios = [float(text.split()[2].rstrip(",")) for text in (near, far)]
    assert ratios[0] < ratios[1] - 0.2
    np.testing.assert_array_equal(samplers[name].sample(5, random_state=0), before)
    assert studio.fitted(name, None, None) is samplers[name]
    assert list(studio.fitted(name, 0.5, None).classes_) == ["bright", "dark"], "the refit keeps the classes"


def test_temperature_0_draws_from_the_fullest_cells_alone(studio, samplers):
    assert studio.has_temperature("pmf")
    assert not studio.has_temperature("local")
    table = samplers["pmf"]
    drawn = studio.sample(Choice("pmf", n_samples=50, temperature=0.0))
    codes = np.floor((drawn - table.lower_) / table.bin_width_).astype(int)
    fullest = table.cells_[table.counts_ == table.counts_.max()].tolist()
    assert all(code in fullest for code in codes.tolist())
    assert table.temperature == 1.0


def test_a_path_goes_from_sample_to_sample(studio, samplers, model):
    latents = samplers["local"].sample(24, random_state=2)
    shown = [card.pictures["sample"] for card in studio.path(Choice("local", seed=2), 3, 9, 6)]
    assert len(shown) == 6
    np.testing.assert_array_equal(np.stack([shown[0], shown[-1]]), levels(model.decode(latents[[2, 8]])))
    with pytest.raises(InvalidInputError, match="samples must be from 1 to 24; got 3 and 25"):
        studio.path(Choice("local"), 3, 25)
    assert not studio.has_paths("gmm")


def test_the_map_gives_back_the_latent_of_a_place(studio):
    points = studio.points("pmf")
    assert [studio.nearest_on_map("pmf", points[row]) for row in (0, 120, 299)] == [0, 120, 299]


def test_without_images_a_sampler_shows_what_it_keeps(blind, images):
    assert blind.has_training("local")
    assert set(blind.cards(Choice("local"))[0].pictures) == {"sample", "nearest training latent, decoded"}
    assert blind.why_no_refit("local") is None
    assert list(blind.labels("local")[:3]) == ["dark" if image.mean() < 0.5 else "bright" for image in images[:3]]


def test_what_cannot_be_said_is_not(blind, studio, model, samplers, images):
    assert set(blind.cards(Choice("pmf"))[0].pictures) == {"sample"}
    assert "pass `--images`" in blind.how_new("pmf", None, None)
    assert "pass --images" in blind.why_no_refit("pmf")
    assert studio.why_no_refit("gmm") == "GMMSampler has no novelty to choose."
    unlabelled = Studio(model, {"pmf": samplers["pmf"]}, images)
    assert "classes of the images" in unlabelled.why_no_refit("pmf")
    with pytest.raises(InvalidInputError, match="classes of the images"):
        unlabelled.fitted("pmf", 0.5, None)


def test_rows_that_are_no_images_are_refused(samplers):
    rows = Autoencoder(lambda rows: rows, lambda latents: latents)
    with pytest.raises(InvalidInputError, match="decoded rows must be images"):
        Studio(rows, samplers).cards(Choice("gmm"))
