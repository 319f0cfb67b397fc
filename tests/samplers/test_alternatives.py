"""The usual alternatives: moments, densities against their libraries, limits."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

import vicinal
from vicinal import metrics, rng
from vicinal._errors import CalibrationWarning
from vicinal.samplers import (
    BootstrapSampler,
    CopulaSampler,
    GaussianSampler,
    GMMSampler,
    HypersphereSampler,
    KDESampler,
)


def test_bootstrap_copies_every_row_equally():
    latents = np.arange(20.0).reshape(10, 2)
    drawn = BootstrapSampler(random_state=0).fit(latents).sample(20_000)
    rows, counts = np.unique(drawn, axis=0, return_counts=True)
    assert np.array_equal(rows, latents)
    assert stats.chisquare(counts).pvalue > 0.001
    assert not hasattr(BootstrapSampler(), "score_samples")


@pytest.mark.parametrize("kind", ["full", "diag", "standard"])
def test_gaussian_moments_and_density(kind):
    generator = np.random.default_rng(0)
    latents = generator.normal(size=(500, 3)) @ generator.normal(size=(3, 3)) + [1.0, -2.0, 3.0]
    sampler = GaussianSampler(kind, random_state=0).fit(latents)
    mean, covariance = latents.mean(axis=0), np.cov(latents, rowvar=False)
    if kind == "diag":
        covariance = np.diag(np.diag(covariance))
    if kind == "standard":
        mean, covariance = np.zeros(3), np.eye(3)
    drawn = sampler.sample(100_000)
    assert np.allclose(drawn.mean(axis=0), mean, atol=0.03)
    assert np.allclose(np.cov(drawn, rowvar=False), covariance, atol=0.06)
    expected = stats.multivariate_normal(mean, covariance).logpdf(latents)
    assert np.allclose(sampler.score_samples(latents), expected, rtol=1e-9)


def test_gaussian_on_fewer_rows_than_dimensions():
    latents = np.random.default_rng(0).normal(size=(4, 9))
    sampler = GaussianSampler(random_state=0).fit(latents)
    assert np.linalg.matrix_rank(sampler.sample(50) - latents.mean(axis=0), tol=1e-6) == 3
    assert np.isfinite(sampler.score_samples(latents)).all()


def test_gaussian_of_an_unknown_kind(latents):
    with pytest.raises(ValueError, match="covariance_type must be one of 'full', 'diag', 'standard'; got 'round'"):
        GaussianSampler("round").fit(latents)


def test_gmm_is_the_mixture_of_scikit_learn(latents):
    sampler = GMMSampler(3, random_state=7).fit(latents)
    mixture = GaussianMixture(3, max_iter=2000, tol=1e-3, random_state=7).fit(latents.astype(np.float64))
    assert np.allclose(sampler.weights_, mixture.weights_)
    assert np.allclose(sampler.score_samples(latents), mixture.score_samples(latents.astype(np.float64)))
    drawn = sampler.sample(60_000)
    assert np.allclose(drawn.mean(axis=0), sampler.weights_ @ sampler.means_, atol=0.05)
    share = np.bincount(mixture.predict(drawn.astype(np.float64)), minlength=3) / 60_000
    ours = np.bincount(mixture.predict(mixture.sample(60_000)[0]), minlength=3) / 60_000
    assert np.abs(share - ours).max() < 0.01


def test_gmm_refuses_what_it_cannot_fit(latents):
    with pytest.raises(
        ValueError, match="n_components must be at most the number of latents; got 301 for n_samples=300"
    ):
        GMMSampler(301).fit(latents)
    with pytest.raises(ValueError, match="raise reg_covar"):
        GMMSampler(2, reg_covar=0.0).fit(np.repeat([[0.0, 0.0], [1.0, 1.0]], 5, axis=0))


def clusters(k, n, seed=0):
    """Return n latents of k well separated clusters in three dimensions."""
    generator = np.random.default_rng(seed)
    centres = np.stack(np.unravel_index(np.arange(k), (3, 3, 3)), axis=1) * 20.0
    return centres[np.arange(n) % k] + generator.normal(size=(n, 3)) @ generator.normal(size=(3, 3))


@pytest.mark.parametrize(("k", "tried"), [(1, [1, 2]), (2, [1, 2, 5]), (5, [1, 2, 5, 10])])
def test_bic_finds_the_clusters(k, tried, tmp_path):
    latents = clusters(k, 1000)
    sampler = GMMSampler("bic", random_state=1).fit(latents)
    assert sampler.n_components_ == k
    assert sampler.bic_[:, 0].tolist() == tried
    mixtures = [GaussianMixture(n, max_iter=2000, random_state=1).fit(latents) for n in tried]
    assert np.allclose(sampler.bic_[:, 1], [mixture.bic(latents) for mixture in mixtures])
    assert np.array_equal(sampler.means_, GMMSampler(k, random_state=1).fit(latents).means_)
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert (loaded.n_components, loaded.n_components_) == ("bic", k)
    assert np.array_equal(loaded.bic_, sampler.bic_)
    assert np.array_equal(loaded.sample(9), sampler.sample(9))


def test_bic_tries_no_more_than_it_may():
    latents = clusters(20, 400)
    assert GMMSampler("bic", max_components=6, random_state=0).fit(latents).bic_[:, 0].tolist() == [1, 2, 5]
    few = GMMSampler("bic", random_state=0).fit(clusters(20, 31))  # 31 latents hold 7 times 3 + 1 of them
    assert few.bic_[:, 0].max() <= 5
    assert GMMSampler("bic", random_state=0).fit(latents[:3]).n_components_ == 1


def test_bic_leaves_out_what_cannot_be_fitted():
    generator = np.random.default_rng(0)
    cloud, line = generator.normal(size=(60, 2)), np.stack([generator.uniform(50, 60, 40), np.zeros(40)], axis=1)
    sampler = GMMSampler("bic", reg_covar=0.0, random_state=0).fit(np.concatenate([cloud, line]))
    assert sampler.bic_[:, 0].tolist() == [1]  # more find the line, on which a covariance is singular
    copies = np.repeat(cloud[:6], 20, axis=0)
    assert GMMSampler("bic", random_state=0).fit(copies).bic_[:, 0].tolist() == [1, 2]
    line = np.repeat([[0.0, 0.0], [1.0, 1.0]], 9, axis=0)
    with pytest.raises(ValueError, match=r"could not be fitted .*lower n_components \(now"):
        GMMSampler("bic", reg_covar=0.0).fit(line)


def test_numbers_of_components_given(latents, tmp_path):
    sampler = GMMSampler(3, random_state=0).fit(latents)
    assert sampler.n_components_ == 3
    assert not hasattr(sampler, "bic_")
    with pytest.raises(ValueError, match="n_components must be an integer or 'bic'; got 'aic'"):
        GMMSampler("aic").fit(latents)
    with pytest.raises(ValueError, match="max_components must be an integer at least 1; got 0"):
        GMMSampler("bic", max_components=0).fit(latents)


@pytest.mark.parametrize("bandwidth", [0.3, "scott", "silverman"])
def test_kde_density_and_spread(latents, bandwidth):
    latents = latents * np.array([1, 10, 0.1, 1, 1], dtype=np.float32)
    sampler = KDESampler(bandwidth, random_state=0).fit(latents)
    scale = latents.std(axis=0, ddof=1, dtype=np.float64)
    oracle = KernelDensity(bandwidth=sampler.bandwidth_).fit(latents / scale)
    expected = oracle.score_samples(latents / scale) - np.log(scale).sum()
    assert np.allclose(sampler.score_samples(latents), expected)
    inflated = latents.var(axis=0) + (sampler.bandwidth_ * scale) ** 2
    assert np.allclose(sampler.sample(100_000).var(axis=0), inflated, rtol=0.03)


def test_kde_rules():
    latents = np.random.default_rng(0).normal(size=(100, 4))
    assert KDESampler("scott").fit(latents).bandwidth_ == pytest.approx(100 ** (-1 / 8))
    assert KDESampler("silverman").fit(latents).bandwidth_ == pytest.approx((100 * 6 / 4) ** (-1 / 8))


@pytest.mark.parametrize(
    ("bandwidth", "message"), [(0, "above 0; got 0"), (-1.0, "above 0"), ("wide", "one of 'scott'")]
)
def test_kde_refuses_bandwidths(latents, bandwidth, message):
    with pytest.raises(ValueError, match=message):
        KDESampler(bandwidth).fit(latents)


@pytest.mark.filterwarnings("ignore:.*total variance of the latents:vicinal._errors.CalibrationWarning")
@pytest.mark.parametrize("novelty", [0.5, 1.0, 2.0])
def test_kde_meets_a_novelty_on_fresh_data(novelty):
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(10, 6))
    train, fresh = (centres[generator.integers(10, size=4000)] + 0.2 * generator.normal(size=(4000, 6)) for _ in "ab")
    sampler = KDESampler("auto", novelty=novelty, random_state=0).fit(train)
    assert sampler.nn_ratio_ == pytest.approx(novelty, rel=0.02 if novelty != 1 else 0.05)  # at 1, quartiles count
    assert metrics.nn_ratio(fresh, sampler.sample(3000), train=train) == pytest.approx(novelty, rel=0.07, abs=0.05)


def test_kde_without_anything_to_calibrate_by():
    few = np.random.default_rng(0).normal(size=(9, 2))
    with pytest.warns(CalibrationWarning, match=r"KDESampler: at least 50 latents .* using the bandwidth of .scott."):
        sampler = KDESampler("auto").fit(few)
    assert sampler.bandwidth_ == KDESampler().fit(few).bandwidth_
    with pytest.raises(ValueError, match="novelty must be a finite number above 0; got 0"):
        KDESampler("auto", novelty=0).fit(few)


@pytest.mark.parametrize("options", [{}, {"n_bins": 20}, {"kind": "beta"}])
def test_copulas_keep_marginals_and_rank_correlation(options):
    generator = np.random.default_rng(0)
    latents = np.exp(generator.normal(size=(2000, 2)) @ [[1.0, 0.8], [0.0, 0.6]])
    drawn = CopulaSampler(**options, random_state=0).fit(latents).sample(20_000)
    for j in range(2):
        assert stats.ks_2samp(drawn[:, j], latents[:, j]).statistic < 0.02
    assert stats.spearmanr(*drawn.T).statistic == pytest.approx(stats.spearmanr(*latents.T).statistic, abs=0.02)
    assert drawn.min(axis=0) == pytest.approx(latents.min(axis=0), abs=0.05)
    assert (drawn <= latents.max(axis=0)).all()


def test_the_checkerboard_by_hand():
    latents = np.array([[0.0, 5.0], [1.0, 9.0], [4.0, 6.0], [9.0, 7.0]])  # ranks 0 0, 1 3, 2 1, 3 2
    drawn = CopulaSampler(n_bins=2, random_state=0).fit(latents).sample(4000)
    low, high = (drawn < [2.5, 6.5]).T  # medians
    both, neither = (low & high).mean(), (~low & ~high).mean()
    assert (both, neither, (low & ~high).mean()) == pytest.approx((0.25, 0.25, 0.25), abs=0.03)
    first = drawn[low, 0]  # uniform ranks in the lower half: places 0 to 1.5 of 3, values linear between
    assert ((first < 1.0).mean(), first.max() <= 2.5) == (pytest.approx(2 / 3, abs=0.03), True)
    with pytest.raises(ValueError, match='n_bins go with kind="checkerboard" only; got n_bins=2'):
        CopulaSampler("beta", n_bins=2).fit(latents)
    with pytest.raises(ValueError, match="n_bins must be an integer from 1 to 4; got 5"):
        CopulaSampler(n_bins=5).fit(latents)


def test_beta_ranks_vary_as_those_of_fresh_samples():
    latents = np.linspace(0, 1, 101)[:, None]
    near_copies = CopulaSampler(random_state=0).fit(latents)
    beta = CopulaSampler("beta", random_state=0).fit(latents)
    rows = rng.Draws(0, 0, 20_000).choices(101)
    moved = (beta.sample(20_000)[:, 0] - latents[rows, 0])[rows == 50]
    assert moved.std() == pytest.approx(stats.beta(51, 51).std(), rel=0.15)
    assert np.abs(near_copies.sample(500)[:, 0] - latents[rows[:500], 0]).max() < 0.011


def test_hypersphere():
    generator = np.random.default_rng(0)
    latents = generator.normal([9.0, 0.0, 0.0, -3.0], size=(3000, 4))
    drawn = HypersphereSampler(random_state=0).fit(latents).sample(20_000)
    centred, known = drawn - latents.mean(axis=0), latents - latents.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    assert stats.ks_2samp(lengths, np.linalg.norm(known, axis=1)).statistic < 0.02
    directions = centred / lengths[:, None]
    assert directions.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.02)
    assert directions.T @ directions / len(drawn) == pytest.approx(np.eye(4) / 4, abs=0.01)


CONDITIONAL = {
    "bootstrap": BootstrapSampler(),
    "gaussian-full": GaussianSampler("full"),
    "gaussian-diag": GaussianSampler("diag"),
    "gmm": GMMSampler(3),
    "kde": KDESampler(),
    "kde-silverman": KDESampler("silverman"),
    "copula": CopulaSampler(),
    "copula-bins": CopulaSampler(n_bins=20),
    "copula-beta": CopulaSampler("beta"),
    "hypersphere": HypersphereSampler(),
}


def labelled(n=300):
    """Return latents of three classes of different sizes, places and spreads, and their labels."""
    generator = np.random.default_rng(0)
    y = generator.choice(3, n, p=[0.6, 0.3, 0.1])
    spread = generator.normal(size=(n, 4)) @ generator.normal(size=(4, 4))
    return 2.0 * y[:, None] + (1.0 + y[:, None]) * spread, y


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", CONDITIONAL)
def test_a_class_is_fitted_as_if_alone(kind, weighted):
    latents, y = labelled()
    weights = np.random.default_rng(1).integers(1, 5, 300) if weighted else None
    shares = np.bincount(y, weights) / (300 if weights is None else weights.sum())
    scores = []
    for k in range(3):
        own = None if weights is None else weights[y == k]
        sampler, alone = (clone(CONDITIONAL[kind]).set_params(random_state=0) for _ in range(2))
        sampler.fit(latents, (y - k) % 3, sample_weight=weights)  # the first class in both, so that they share noise
        alone.fit(latents[y == k], np.zeros((y == k).sum(), int), sample_weight=own)
        assert np.allclose(sampler.sample(200, y=0), alone.sample(200, y=0), rtol=1e-9)
        if hasattr(sampler, "score_samples"):
            scores.append(np.log(shares[k]) + alone.score_samples(latents))
    if scores:
        assert np.allclose(sampler.score_samples(latents), logsumexp(scores, axis=0), rtol=1e-9)


@pytest.mark.parametrize("kind", CONDITIONAL)
def test_only_ratios_of_fractional_weights_count(kind):
    latents, _ = labelled()
    weights = np.random.default_rng(1).uniform(0.1, 1.0, 300)
    sampler, scaled = (
        clone(CONDITIONAL[kind]).set_params(random_state=0).fit(latents, sample_weight=scale * weights)
        for scale in (1.0, 7.3)
    )
    assert np.allclose(sampler.sample(200), scaled.sample(200), rtol=1e-5, atol=1e-5)
    mean = np.average(latents, axis=0, weights=weights)
    assert sampler.sample(20_000).mean(axis=0) == pytest.approx(mean, abs=0.1)


def test_unequal_weights_make_fewer_effective_latents():
    latents, _ = labelled()
    weights = np.where(np.arange(300) < 30, 1.0, 1e-7)  # 30 latents, and next to nothing
    assert KDESampler().fit(latents, sample_weight=weights).bandwidth_ == pytest.approx(30 ** (-1 / 8), rel=1e-4)
    gaussian = GaussianSampler().fit(latents, sample_weight=weights)
    assert np.allclose(gaussian.covariance_, np.cov(latents[:30].T), rtol=1e-3, atol=1e-3)
    beta = CopulaSampler("beta").fit(latents, sample_weight=weights)
    assert beta.effective_sizes_ == pytest.approx([30], rel=1e-4)


def test_weighted_mixture_of_unequal_rows(latents):
    """Half the weight makes half the mass, at the same places."""
    heavy = np.where(latents.mean(axis=1) > 0, 3.0, 1.0)
    plain, weighted = GMMSampler(2, random_state=0).fit(latents), GMMSampler(2, random_state=0)
    weighted.fit(latents, sample_weight=heavy)
    for sampler, share in ((plain, 0.5), (weighted, 0.75)):
        assert sampler.weights_[np.argmax(sampler.means_[:, 0])] == pytest.approx(share, abs=0.02)
    assert np.allclose(np.sort(weighted.means_, axis=0), np.sort(plain.means_, axis=0), atol=0.05)
    assert weighted.score(latents[heavy == 3]) > plain.score(latents[heavy == 3])


def test_components_of_small_classes(latents):
    y = np.where(np.arange(300) < 4, "small", "large")
    latents[2:4] = latents[0]  # two distinct latents
    sampler = GMMSampler(5, random_state=0).fit(latents, y)
    assert np.diff(sampler.class_starts_).tolist() == [5, 2]
    assert sampler.weights_[5:].sum() == pytest.approx(4 / 300)
    by_bic = GMMSampler("bic", random_state=0).fit(latents, y)
    assert by_bic.n_components_ == by_bic.class_starts_[-1] == len(by_bic.weights_)
    assert (by_bic.bic_[:, 0] == 1).sum() == 2


@pytest.mark.filterwarnings("ignore:.*total variance of the latents:vicinal._errors.CalibrationWarning")
def test_one_bandwidth_is_calibrated_for_all_classes():
    generator = np.random.default_rng(0)
    y = generator.integers(2, size=4000)
    train, fresh = (np.where(y == 0, -5.0, 5.0)[:, None] + generator.normal(size=(4000, 5)) for _ in "ab")
    sampler = KDESampler("auto", random_state=0).fit(train, y, calibration_latents=fresh)
    assert sampler.bandwidth_[0] == sampler.bandwidth_[1]
    assert sampler.nn_ratio_ == pytest.approx(1.0, abs=0.03)
    assert metrics.nn_ratio(fresh, sampler.sample(3000), train=train) == pytest.approx(1.0, abs=0.07)
    with pytest.raises(ValueError, match='calibration_latents go with bandwidth="auto" only; got bandwidth=scott'):
        KDESampler().fit(train, calibration_latents=fresh)
