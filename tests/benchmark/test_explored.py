"""What a reader can explore: samples that are those of the library, with numbers that move with novelty and class."""

import dataclasses
import shutil

import numpy as np
import pytest

import vicinal
from vicinal import benchmark, datasets, neighbors, samplers
from vicinal.benchmark import explored
from vicinal.benchmark.results import explorer_file
from vicinal.evaluation import BOOTSTRAP
from vicinal.images import to_levels
from vicinal.report import Explorer

SAMPLERS = {
    "Local": {"sampler": "LocalSampler"},
    "PMF, 8 bins": {"sampler": "PMFSampler", "n_bins": 8},
    "standard": {"sampler": "GaussianSampler", "covariance_type": "standard"},
    "too many": {"sampler": "GMMSampler", "n_components": 2000},
}


@pytest.fixture(scope="module")
def config(tiny):
    return tiny(samplers=SAMPLERS, explored=(*SAMPLERS, BOOTSTRAP), n_samples=300, max_searched=None)


@pytest.fixture(scope="module")
def folder(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored")
    benchmark.run(config, folder)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return Explorer.read(explorer_file(folder, "AE"))


@pytest.fixture(scope="module")
def latents(folder):
    model, train = vicinal.load(folder / "models" / "ae-0.safetensors"), datasets.load("digits")
    return model, train, vicinal.encode(model, train.images)


def numbers_of(found, sampler, name, of=""):
    return [each["numbers"][of][name] for each in found.sets if each["sampler"] == sampler]


def test_a_sampler_that_is_calibrated_is_there_at_every_novelty(found):
    novelties = {}
    for each in found.sets:
        novelties.setdefault(each["sampler"], []).append(each["novelty"])
    assert novelties.pop("Local") == list(explored.NOVELTIES)
    assert novelties == {"PMF, 8 bins": [None], "standard": [None], BOOTSTRAP: [None]}, "one cannot be fitted"


def test_numbers_move_with_novelty(found):
    ratios = numbers_of(found, "Local", "nn_ratio")
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.8 < ratios[-1]
    assert numbers_of(found, BOOTSTRAP, "nn_ratio") == [0.0]
    assert numbers_of(found, BOOTSTRAP, "membership_auc")[0] > max(numbers_of(found, "Local", "membership_auc"))


def test_classes_have_numbers_where_a_sampler_draws_within_them(found):
    for each in found.sets:
        classes = {"", *found.classes} if each["sampler"] != "standard" else {""}
        assert each["numbers"].keys() == classes


def test_samples_are_those_of_the_library(found, latents):
    """The rings of a class are the first draws within that class, of a sampler fitted with the classes."""
    model, train, z = latents
    place = next(i for i, each in enumerate(found.sets) if each["sampler"] == "PMF, 8 bins")
    mine, of = found.arrays["set"] == place, found.arrays
    sampler = samplers.PMFSampler(8, random_state=0).fit(z, train.labels)
    labels = np.random.default_rng(0).choice(train.labels, 300)
    drawn = sampler.sample(300, y=labels, random_state=0)
    for label in range(10):
        shown = of["images"][mine & (of["class"] == label)]
        expected = to_levels(vicinal.decode(model, drawn[labels == label][: len(shown)]))
        assert len(shown) == 4
        assert np.abs(shown.astype(int) - expected).max() <= 1


def test_neighbours_are_the_nearest_training_images(found, latents):
    model, of = latents[0], found.arrays
    copies = of["set"] == next(i for i, each in enumerate(found.sets) if each["sampler"] == BOOTSTRAP)
    assert np.array_equal(of["decoded"][of["nearest"][copies]], of["images"][copies]), "copies are their own neighbours"
    assert (of["ratio"][copies] == 0).all()
    again = to_levels(vicinal.decode(model, vicinal.encode(model, of["originals"] / np.float32(255))))
    assert np.abs(again.astype(int) - of["decoded"]).max() <= 1


def test_ratios_are_distances_over_those_of_fresh_data(found, latents):
    model, _, z = latents
    held_out = vicinal.encode(model, datasets.load("digits", split="test").images)
    place = next(i for i, each in enumerate(found.sets) if each["sampler"] == "standard")
    sampler = samplers.GaussianSampler("standard", random_state=0).fit(z)
    drawn = sampler.sample(300, random_state=0)[:40]
    scaling = neighbors.Scaling.of(z)
    fresh = np.median(neighbors.nearest_rows(held_out, z, scaling)[0])
    expected = neighbors.nearest_rows(drawn, z, scaling)[0] / fresh
    assert np.allclose(found.arrays["ratio"][found.arrays["set"] == place], expected, rtol=1e-4)


def test_it_is_not_drawn_again(config, folder, monkeypatch):
    monkeypatch.setattr(explored, "_Views", None)
    benchmark.run(config, folder)


def test_no_training_image_is_shown_where_none_may_be(config, folder, tmp_path):
    """Not even one that an earlier run has kept."""
    folder = shutil.copytree(folder, tmp_path / "copy")
    private = dataclasses.replace(config, show_training_images=False, explored=("standard",))
    study = benchmark.Study.read(folder)
    study.config = private
    benchmark.page.write(study, folder)
    assert '"originals"' not in (folder / "report.html").read_text("utf-8").split('<script type="application/json">')[1]
    benchmark.run(private, folder)
    found = Explorer.read(explorer_file(folder, "AE"))
    assert not {"originals", "decoded", "nearest"} & found.arrays.keys()
    benchmark.run(dataclasses.replace(private, explored=()), folder)
    assert not explorer_file(folder, "AE").exists()
    assert '<section class="explorer"' not in (folder / "report.html").read_text("utf-8")


def test_what_is_not_there_cannot_be_explored(tiny):
    with pytest.raises(ValueError, match="explored must be one of 'Gaussian'"):
        tiny(explored=("flow",))
