"""Rows of `sample` are independent: of each other, of other seeds and of other classes. Stratified rows are even.

What is compared is the mean of a latent over its dimensions: it says which of two clusters the latent comes from.
"""

import numpy as np
import pytest
from scipy import stats

from vicinal.samplers import FlowSampler, GaussianSampler, HypersphereSampler, TwoStageSampler

LAGS = (1, 2, 3, 8, 13, 64, 128, 255, 256, 257, 512, 768, 1280, 2560, 9472, 15_360)
N_ROWS = 300
RARE = 1e-4  # probability that independent rows fail a test, if seeds were not fixed


@pytest.fixture(scope="module")
def sampler(fitted):
    """Return one fitted sampler after another."""
    if isinstance(fitted, FlowSampler):
        pytest.skip("it is slow, and its rows come from noise in the same way as those of TwoStageSampler")
    return fitted


@pytest.fixture(scope="module")
def by_seed(sampler):
    """Return N_ROWS rows from each of 200 seeds, (200, N_ROWS); from 20 if that takes long."""
    n_seeds = 20 if isinstance(sampler, TwoStageSampler) else 200
    return np.array([sampler.sample(N_ROWS, random_state=seed).mean(axis=1) for seed in range(n_seeds)])


@pytest.fixture(scope="module")
def stream(sampler):
    """Return 200 windows of one stream, (200, N_ROWS)."""
    return sampler.sample(200 * N_ROWS, random_state=5).mean(axis=1).reshape(200, N_ROWS)


def within(value, distribution):
    """Tell whether a value is neither too small nor too large."""
    return distribution.ppf(RARE) < value < distribution.ppf(1 - RARE)


def variance_of_means(draws):
    """Return the variance of the means of draws, times their number less one, over that of independent rows."""
    return (len(draws) - 1) * draws.mean(axis=1).var(ddof=1) / (draws.var() / draws.shape[1])


def test_the_mean_varies_as_that_of_independent_rows(by_seed):
    assert within(variance_of_means(by_seed), stats.chi2(len(by_seed) - 1))


def test_windows_of_a_stream_are_independent(stream):
    assert within(variance_of_means(stream), stats.chi2(len(stream) - 1))
    means = stream.mean(axis=1)
    for lag in (1, 2, 3):
        assert abs(np.corrcoef(means[:-lag], means[lag:])[0, 1]) < 4 / np.sqrt(len(means) - lag)


def test_counts_vary_as_those_of_independent_rows(by_seed):
    edges = np.quantile(by_seed, np.linspace(0, 1, 11)[1:-1])
    places = np.searchsorted(edges, by_seed)
    counts = np.array([np.bincount(row, minlength=10) for row in places])
    assert within(stats.chi2_contingency(counts).statistic, stats.chi2(9 * (len(counts) - 1)))


def test_seeds_differ_as_independent_samples_do(by_seed):
    """The test of Kolmogorov and Smirnov rejects at its nominal level: the p-values are uniform."""
    pvalues = [stats.ks_2samp(one, two).pvalue for one, two in zip(by_seed[::2], by_seed[1::2], strict=True)]
    assert stats.kstest(pvalues, "uniform").pvalue > RARE


@pytest.mark.parametrize("stratified", [False, True])
def test_no_lag_has_a_pattern(sampler, stratified):
    n = 20_000
    drawn = sampler.sample(n, random_state=7, stratified=stratified).mean(axis=1)
    side = drawn > np.median(drawn)
    for lag in LAGS:
        for values in (drawn, side):
            assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < 4.5 / np.sqrt(n - lag), lag


def test_classes_share_no_noise(make_conditional, latents):
    y = np.where(np.arange(300) % 4 < 2, "one", "two")
    sampler = make_conditional(random_state=0).fit(latents, y)
    n = 3000
    drawn = [sampler.sample(n, y=label) for label in ("one", "two")] + [sampler.sample(n)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        together = np.corrcoef(drawn[a], drawn[b], rowvar=False)[:5, 5:]
        assert np.abs(together).max() < 4.5 / np.sqrt(n)


def test_stratified_rows_are_even(sampler):
    if isinstance(sampler, GaussianSampler | TwoStageSampler):  # they choose nothing
        assert np.array_equal(sampler.sample(500, stratified=True), sampler.sample(500))
        return

    def shares(stratified):
        rows = [sampler.sample(N_ROWS, random_state=seed, stratified=stratified) for seed in range(100)]
        if isinstance(sampler, HypersphereSampler):  # it chooses lengths
            return (np.linalg.norm(rows - sampler.mean_, axis=2) > np.median(sampler.radii_)).mean(axis=1)
        return (np.mean(rows, axis=2) > 0).mean(axis=1)

    even, independent = shares(stratified=True), shares(stratified=False)
    assert even.var() < 0.4 * independent.var()
    assert even.mean() == pytest.approx(independent.mean(), abs=0.01)


def test_stratified_is_a_bool(fitted):
    with pytest.raises(TypeError, match="stratified must be True or False; got 'yes' of type str"):
        fitted.sample(3, stratified="yes")
