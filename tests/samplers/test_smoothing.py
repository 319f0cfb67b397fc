"""`PMFSampler(smoothing=...)`: samples and density of the same mixture, and scores that can be compared."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import GridSearchCV, cross_val_score

import vicinal
from vicinal.samplers import PMFSampler


@pytest.fixture
def plane():
    return np.random.default_rng(0).normal(size=(400, 2))


def test_the_density_integrates_to_one(plane):
    sampler = PMFSampler(8, smoothing=0.3).fit(plane)
    steps = (np.arange(60 * 8) + 0.5) / 8 - 26  # in bins: cuts every cell along its edges
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * sampler.bin_width_ + sampler.lower_
    mass = np.exp(sampler.score_samples(grid)).sum() * np.prod(sampler.bin_width_) / 64
    assert mass == pytest.approx(1.0, abs=1e-3)


def test_samples_follow_the_density(plane):
    """Counts in boxes, some of them beyond the grid, agree with the integral of the density."""
    line = plane[:, :1]
    sampler = PMFSampler(6, smoothing=0.4, random_state=0).fit(line)
    fine = np.linspace(-12, 12, 240_001)
    middle = (fine[1:] + fine[:-1]) / 2
    mass = np.exp(sampler.score_samples(middle[:, None])) * (fine[1] - fine[0])
    drawn = sampler.sample(20_000)[:, 0]
    edges = [-12, *np.linspace(-5, 5, 17), 12]
    expected = np.array([mass[(middle > a) & (middle < b)].sum() for a, b in itertools.pairwise(edges)])
    counts, _ = np.histogram(drawn, edges)
    keep = expected * 20_000 > 5
    assert stats.chisquare(counts[keep], expected[keep] / expected[keep].sum() * counts[keep].sum()).pvalue > 1e-3


@pytest.mark.parametrize("options", [{}, {"stratified": True}])
def test_other_rows_are_those_of_the_cells(plane, options):
    cells = PMFSampler(5, random_state=1).fit(plane)
    mixed = PMFSampler(5, smoothing=0.25, random_state=1).fit(plane)
    changed = (cells.sample(4000, **options) != mixed.sample(4000, **options)).any(axis=1)
    assert changed.mean() == pytest.approx(0.25, abs=0.03)
    assert np.array_equal(mixed.sample(4000, **options)[17:23], mixed.sample(6, start=17, **options))


def test_within_classes(plane):
    y = np.where(plane[:, 0] > 0, "right", "left")
    sampler = PMFSampler(5, smoothing=0.25, random_state=1).fit(plane, y)
    wanted = np.array(["left", "right"] * 500)
    drawn = sampler.sample(1000, y=wanted)
    assert np.array_equal(drawn[wanted == "left"], sampler.sample(1000, y="left")[wanted == "left"])


def test_constant_dimensions_stay(plane):
    latents = np.column_stack([plane, np.full(400, 7.0)])
    sampler = PMFSampler(5, smoothing=0.5, random_state=0).fit(latents)
    assert (sampler.sample(200)[:, 2] == 7).all()
    flat = PMFSampler(5, smoothing=0.5).fit(plane)
    far = np.array([[30.0, 30.0, 7.0], [0.0, 0.0, 8.0]])
    assert sampler.score_samples(far)[0] == pytest.approx(flat.score_samples(far[:1, :2])[0])
    assert sampler.score_samples(far)[1] == -np.inf


def test_a_grid_search_with_its_defaults(plane):
    latents = np.random.default_rng(0).normal(size=(3000, 2))
    search = GridSearchCV(PMFSampler(), {"n_bins": [256, 2, 8, 16]}, cv=3).fit(latents)
    assert search.best_params_["n_bins"] in (8, 16)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(cross_val_score(PMFSampler(64), plane)).all()


def test_the_score_is_smoothed_by_one_latent_at_least(plane):
    held_out = np.random.default_rng(1).normal(size=(100, 2))
    for smoothing, used in ((0.0, 1 / 401), (0.2, 0.2)):
        sampler = PMFSampler(8, smoothing=smoothing).fit(plane)
        expected = PMFSampler(8, smoothing=used).fit(plane).score_samples(held_out).mean()
        assert sampler.score(held_out) == pytest.approx(expected)
    weighted = PMFSampler(8).fit(plane, sample_weight=np.full(400, 3))
    assert weighted.score(held_out) == pytest.approx(PMFSampler(8).fit(np.repeat(plane, 3, axis=0)).score(held_out))


def test_saved_and_changed_after_the_fit(plane, tmp_path):
    sampler = PMFSampler(5, random_state=0).fit(plane).set_params(smoothing=0.1)
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert np.array_equal(loaded.sample(300), sampler.sample(300))
    assert np.isfinite(loaded.score_samples([[40.0, 40.0]])).all()


@pytest.mark.parametrize("bad", [-0.1, 1, 1.5, "a bit", True, None])
def test_bad_smoothing(plane, bad):
    with pytest.raises((ValueError, TypeError), match="smoothing must be"):
        PMFSampler(smoothing=bad).fit(plane)
