"""Some dimensions drawn given the others: known answers, the law of `sample` where nothing is given, and invariants."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, multivariate_normal
from sklearn.exceptions import NotFittedError

import vicinal
from vicinal.samplers import LocalSampler
from vicinal.samplers.local import conditional

NAN = np.nan
COVARIANCE = np.array([[2.0, 1.2, -0.5], [1.2, 1.0, 0.1], [-0.5, 0.1, 0.8]])


def gaussian(n=1500):
    return np.random.default_rng(0).multivariate_normal([1.0, -2.0, 3.0], COVARIANCE, size=n)


def conditional_moments(mean, covariance, given, values):
    """Return mean and covariance of the other dimensions by the textbook's formula."""
    others = [j for j in range(len(mean)) if j not in given]
    gain = covariance[np.ix_(others, given)] @ np.linalg.inv(covariance[np.ix_(given, given)])
    mean = mean[others] + gain @ (np.asarray(values) - mean[given])
    return mean, covariance[np.ix_(others, others)] - gain @ covariance[np.ix_(given, others)]


def fill(sampler, row, n=20_000, **options):
    return sampler.impute(np.tile(row, (n, 1)), **options)


@pytest.mark.parametrize("row", [[2.5, NAN, NAN], [NAN, NAN, 2.0], [NAN, -1.0, 3.5]])
def test_a_gaussian_has_the_conditional_moments_of_the_formula(row):
    latents = gaussian()
    sampler = LocalSampler(1500, scale=1.0, random_state=0).fit(latents)
    given = [j for j in range(3) if not np.isnan(row[j])]
    others = [j for j in range(3) if np.isnan(row[j])]
    mean, covariance = conditional_moments(latents.mean(axis=0), np.cov(latents.T), given, np.array(row)[given])
    drawn = fill(sampler, row)
    assert np.array_equal(drawn[:, given], np.tile(np.array(row)[given], (20_000, 1)))
    assert drawn[:, others].mean(axis=0) == pytest.approx(mean, abs=0.05)
    assert np.atleast_2d(np.cov(drawn[:, others].T)) == pytest.approx(covariance, abs=0.05)


def test_samples_that_happen_to_have_the_value_agree():
    """Ten neighbourhoods: what is drawn given a value, and those of many samples that are near this value."""
    sampler = LocalSampler(150, scale=1.0, random_state=0).fit(gaussian())
    free = sampler.sample(200_000)
    near = free[np.abs(free[:, 2] - 2.0) < 0.05][:, :2]
    drawn = fill(sampler, [NAN, NAN, 2.0], len(near))[:, :2]
    assert len(near) > 3000
    assert drawn.mean(axis=0) == pytest.approx(near.mean(axis=0), abs=0.08)
    assert np.cov(drawn.T) == pytest.approx(np.cov(near.T), abs=0.1)


def test_neighbourhoods_are_weighted_by_mass_and_density():
    """The mean and covariance of the mixture of conditional Gaussians, computed by scipy."""
    generator = np.random.default_rng(1)
    parts = [generator.normal(size=(n, 3)) @ generator.normal(size=(3, 3)) + 2 * k for k, n in enumerate((500, 900))]
    sampler = LocalSampler(700, scale=0.8, max_iter=0, random_state=0).fit(np.concatenate(parts))
    weights, means, covariances = [], [], []
    for part in np.split(sampler.latents_, sampler.neighborhood_starts_[1:-1]):
        m, c = part.mean(axis=0), 0.64 * np.cov(part.T, ddof=0)
        weights.append(len(part) * multivariate_normal(m[:1], c[:1, :1]).pdf(1.7))
        mean, covariance = conditional_moments(m, c, [0], [1.7])
        means.append(mean)
        covariances.append(covariance)
    weights = np.array(weights) / sum(weights)
    mean = weights @ means
    between = (weights[:, None] * (means - mean)).T @ (means - mean)
    drawn = fill(sampler, [1.7, NAN, NAN])[:, 1:]
    assert 0.05 < weights[0] < 0.95
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.05)
    assert np.cov(drawn.T) == pytest.approx(np.tensordot(weights, covariances, 1) + between, rel=0.06, abs=0.06)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_the_right_cluster_is_chosen(unit):
    """Three clusters, and neighbourhoods of fewer latents than dimensions; units do not matter."""
    generator = np.random.default_rng(0)
    centres = 10 * generator.normal(size=(3, 20))
    latents = centres[np.arange(900) % 3] + generator.normal(size=(900, 20))
    units = np.where(np.arange(20) < 4, unit, 1.0)
    y = np.arange(900) % 3
    sampler = LocalSampler(12, scale=1.0, random_state=0).fit(latents * units, y)
    for k in range(3):
        row = np.where(np.arange(20) < 4, centres[k], NAN) * units
        assert np.abs(fill(sampler, row, 200)[:, 4:] - centres[k, 4:]).max() < 6


def test_copies_are_found_by_what_is_given():
    latents = gaussian(300).astype(np.float32)
    sampler = LocalSampler(1, scale=1.0, random_state=0).fit(latents)
    rows = latents.copy()
    rows[:, 1:] = NAN
    assert np.array_equal(sampler.impute(rows), latents)


def test_a_constant_dimension_and_one_that_tells_categories():
    generator = np.random.default_rng(0)
    kind = np.arange(1000) % 2
    latents = np.stack([kind.astype(float), np.full(1000, 7.0), generator.normal(8.0 * kind, 1.0)], axis=1)
    sampler = LocalSampler(100, scale=1.0, random_state=0).fit(latents)
    for value in (0.0, 1.0):
        drawn = fill(sampler, [value, NAN, NAN], 300)
        assert (drawn[:, 1] == 7).all()
        assert np.abs(drawn[:, 2] - 8 * value).max() < 5
    assert np.isfinite(fill(sampler, [0.5, 8.0, NAN], 300)).all()


def test_nothing_given_has_the_law_of_sample(latents):
    sampler = LocalSampler(8, scale=1.1, random_state=0).fit(latents, sample_weight=1.0 + np.arange(300) % 3)
    drawn, expected = fill(sampler, np.full(5, NAN), 4000), sampler.sample(4000, random_state=1)
    assert min(ks_2samp(drawn[:, j], expected[:, j]).pvalue for j in range(5)) > 0.01
    assert np.cov(drawn.T) == pytest.approx(np.cov(expected.T), abs=0.4)


def test_what_is_given_is_returned_as_it_is(latents):
    sampler = LocalSampler(8, scale=1.0, random_state=0).fit(latents)
    rows = latents.astype(np.float64) + 1e-13
    assert np.array_equal(sampler.impute(rows), rows)
    rows[::2, 3] = NAN
    filled = sampler.impute(rows)
    assert np.array_equal(filled[~np.isnan(rows)], rows[~np.isnan(rows)])
    assert np.isfinite(filled).all()
    assert np.isnan(rows[::2, 3]).all()


def test_a_row_depends_on_its_seed_and_number_alone(latents, monkeypatch):
    sampler = LocalSampler(8, scale=1.0, random_state=5).fit(latents, np.arange(300) % 2)
    rows = np.where(np.random.default_rng(0).random((60, 5)) < 0.5, NAN, latents[:60])
    y = np.arange(60) % 2
    filled = sampler.impute(rows, y=y)
    assert np.array_equal(filled, sampler.impute(rows, y=y, random_state=5))
    assert np.array_equal(filled[:7], sampler.impute(rows[:7], y=y[:7]))
    assert np.array_equal(filled[20:], sampler.impute(rows[20:], y=y[20:], start=20))
    assert not np.array_equal(filled, sampler.impute(rows, y=y, random_state=6))
    monkeypatch.setattr(conditional, "_VALUES", 300)  # a few rows, and a few neighbourhoods, at a time
    assert np.array_equal(filled, sampler.impute(rows, y=y))


def test_classes(latents):
    y = np.where(np.arange(300) % 2 == 0, "low", "high")  # the two clusters, at -2 and 2
    sampler = LocalSampler(8, scale=1.0, random_state=0).fit(latents, y)
    row = [0.0, NAN, NAN, NAN, NAN]
    assert fill(sampler, row, 500, y="low")[:, 1:].mean() < -1.5
    assert fill(sampler, row, 500, y="high")[:, 1:].mean() > 1.5
    mixed = fill(sampler, row, 500, y=np.tile(["low", "high"], 250))[:, 1:].mean(axis=1)
    assert mixed[::2].max() < mixed[1::2].min() + 4
    assert mixed[::2].mean() < -1.5 < 1.5 < mixed[1::2].mean()
    without = fill(sampler, row, 500)[:, 1:].mean(axis=1)
    assert 0.2 < (without > 0).mean() < 0.8


def test_libraries_shapes_and_files(latents, tmp_path):
    torch = pytest.importorskip("torch")
    sampler = LocalSampler(8, scale=1.0, random_state=0).fit(latents.reshape(300, 5, 1))
    rows = latents[:9].reshape(9, 5, 1).copy()
    rows[:, 2:] = NAN
    filled = sampler.impute(rows)
    assert (filled.shape, filled.dtype) == ((9, 5, 1), np.float32)
    tensor = sampler.impute(torch.from_numpy(rows).to(torch.bfloat16))
    assert (tensor.shape, tensor.dtype) == ((9, 5, 1), torch.bfloat16)
    assert np.array_equal(sampler.impute(torch.from_numpy(rows)).numpy(), filled)
    sampler.save(tmp_path / "s")
    assert np.array_equal(vicinal.load(tmp_path / "s").impute(rows), filled)


def test_whole_numbers():
    counts = np.random.default_rng(0).poisson(5.0, (500, 3))
    drawn = fill(LocalSampler(20, scale=1.0, random_state=0).fit(counts), [2.0, NAN, NAN], 300)
    assert np.array_equal(drawn, np.rint(drawn))
    assert drawn.min() >= 0
    assert drawn.max() <= counts.max()


def test_columns_by_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(gaussian(200), columns=["a", "b", "c"])
    sampler = LocalSampler(20, scale=1.0, random_state=0).fit(frame)
    assert sampler.impute(frame.assign(b=NAN)).shape == (200, 3)
    with pytest.raises(ValueError, match="feature names should match"):
        sampler.impute(frame[["c", "b", "a"]])


def test_bad_arguments(latents):
    with pytest.raises(NotFittedError):
        LocalSampler().impute(latents)
    sampler = LocalSampler(8, scale=1.0).fit(latents)
    with pytest.raises(ValueError, match=r"latents must have shape \(n_samples, 5\), as in fit; got"):
        sampler.impute(latents[:, :3])
    bad = latents.copy()
    bad[4, 1], bad[2, 0] = np.inf, NAN
    with pytest.raises(ValueError, match=r"latents that are not NaN must be finite; got NaN or inf, first in row 4"):
        sampler.impute(bad)
    bad[4, 1] = 3e38
    assert np.isfinite(sampler.impute(bad)).all()
    with pytest.raises(ValueError, match="what is given is too far from all latents"):
        sampler.impute(np.where(np.isnan(bad), NAN, 1e300))
    with pytest.raises(ValueError, match="y needs a sampler that was fitted with labels"):
        sampler.impute(latents, y=1)
    with pytest.raises(ValueError, match=r"impute needs neighbourhoods .*; got shrinkage=0\.5: fit a sampler"):
        LocalSampler(8, scale=1.0, shrinkage=0.5).fit(latents).impute(latents)
