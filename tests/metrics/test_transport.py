"""Optimal transport against POT, SciPy and closed forms."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist

from vicinal import metrics
from vicinal.metrics._inputs import subsets


@pytest.fixture
def ot():
    return pytest.importorskip("ot")


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [1, 3, 20])
def test_wasserstein_distance_is_that_of_pot(ot, generator, p, d):
    a, b = generator.normal(size=(60, d)), generator.normal(size=(60, d)) * 1.5
    masses = np.full(60, 1 / 60)
    expected = ot.emd2(masses, masses, cdist(a, b) ** p) ** (1 / p)
    assert metrics.wasserstein_distance(a, b, p=p) == pytest.approx(expected, rel=1e-9)
    assert metrics.wasserstein_distance(b[::-1], a, p=p) == pytest.approx(expected, rel=1e-9)


def test_wasserstein_distance_is_that_of_scipy(generator):
    a, b = generator.normal(size=(2, 15, 3))
    assert metrics.wasserstein_distance(a, b, p=1) == pytest.approx(stats.wasserstein_distance_nd(a, b), rel=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_wasserstein_distance_in_closed_form(generator, p):
    a = generator.normal(size=(80, 3))
    assert metrics.wasserstein_distance(a + 5.0, a, p=p) == pytest.approx(5.0 * np.sqrt(3))
    assert metrics.wasserstein_distance(a, a, p=p) == pytest.approx(0.0, abs=1e-6)
    line = np.sort(generator.normal(size=(2, 80)))  # on a line the best plan keeps the order
    expected = (np.abs(line[0] - line[1]) ** p).mean() ** (1 / p)
    assert metrics.wasserstein_distance(line[0][:, None], line[1][:, None], p=p) == pytest.approx(expected)
    point = np.zeros((80, 3))  # there is one plan only
    expected = (np.linalg.norm(a, axis=1) ** p).mean() ** (1 / p)
    assert metrics.wasserstein_distance(a, point, p=p) == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), p=st.sampled_from([1, 2]), unit=st.sampled_from([1e-3, 7.0, 1e6]))
def test_wasserstein_distance_is_a_metric(seed, p, unit):
    a, b, c = np.random.default_rng(seed).normal(size=(3, 12, 2))
    ab, bc, ac = (metrics.wasserstein_distance(x, y, p=p) for x, y in ((a, b), (b, c), (a, c)))
    assert 0 < ac <= ab + bc + 1e-12
    assert metrics.wasserstein_distance(b, a, p=p) == pytest.approx(ab)
    assert metrics.wasserstein_distance(unit * a, unit * b, p=p) == pytest.approx(unit * ab)
    assert metrics.wasserstein_distance(a, b, p=1) <= metrics.wasserstein_distance(a, b, p=2) + 1e-12


def test_wasserstein_distance_takes_seeded_subsets(generator):
    a, b = generator.normal(size=(2, 300, 2))
    small = [metrics.wasserstein_distance(a, b, max_samples=50, random_state=s) for s in (0, 0, 1)]
    assert small[0] == small[1] != small[2]


def test_wasserstein_distance_of_sets_of_different_size(generator):
    a, b = generator.normal(size=(90, 2)), generator.normal(size=(40, 2))
    x, y = subsets(1000, 0, a, b)
    assert len(x) == len(y) == 40
    assert metrics.wasserstein_distance(a, b) == pytest.approx(metrics.wasserstein_distance(x, y))
    assert metrics.wasserstein_distance(a, a[:1]) > 0


def test_wasserstein_distance_says_what_is_wrong(generator):
    a = generator.normal(size=(5, 2))
    for options in ({"p": 3}, {"p": 0}, {"max_samples": 0}, {"random_state": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must be an integer"):
            metrics.wasserstein_distance(a, a, **options)
    with pytest.raises(TypeError, match=r"p must be an integer from 1 to 2; got 2\.0"):
        metrics.wasserstein_distance(a, a, p=2.0)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 71)])
def test_sliced_distance_on_a_line_is_that_of_scipy(ot, generator, n, m):
    a, b = generator.normal(size=n), generator.normal(size=m) * 2 + 1
    found = metrics.sliced_wasserstein_distance(a[:, None], b[:, None], p=1, n_projections=3)
    assert found == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9)


@pytest.mark.parametrize("times", [1, 3])
def test_sliced_distance_on_a_line_keeps_the_order(ot, generator, times):
    a, b = generator.normal(size=40), generator.normal(size=40 * times) * 2 + 1
    expected = np.sqrt(np.square(np.repeat(np.sort(a), times) - np.sort(b)).mean())
    found = metrics.sliced_wasserstein_distance(a[:, None], b[:, None], n_projections=3)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("p", [1, 2])
def test_sliced_distance_of_a_shift_in_closed_form(ot, generator, p):
    a, shift = generator.normal(size=(100, 3)), np.array([3.0, 0.0, 4.0])
    # on the sphere in 3 dimensions |cos| is uniform on [0, 1]: its p-th moment is 1 / (p + 1)
    found = metrics.sliced_wasserstein_distance(a, a + shift, p=p, n_projections=5000)
    assert found == pytest.approx(5.0 * (1 / (p + 1)) ** (1 / p), rel=0.03)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [2, 20])
def test_sliced_distance_is_at_most_the_distance(ot, generator, p, d):
    for scale in (1.0, 2.0):
        a, b = generator.normal(size=(100, d)), generator.normal(size=(100, d)) * scale + 0.3
        sliced = metrics.sliced_wasserstein_distance(a, b, p=p)
        assert 0 < sliced <= metrics.wasserstein_distance(a, b, p=p)
        assert metrics.sliced_wasserstein_distance(b, a, p=p) == pytest.approx(sliced)
        assert metrics.sliced_wasserstein_distance(a, a[::-1], p=p) == pytest.approx(0.0, abs=1e-12)


def test_sliced_distance_by_pots_directions(ot, generator):
    a, b = generator.normal(size=(50, 4)), generator.normal(size=(50, 4)) + 0.5
    directions = ot.sliced.get_random_projections(4, 20, seed=9)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1.0)
    expected = np.sqrt(np.square(np.sort(a @ directions, axis=0) - np.sort(b @ directions, axis=0)).mean())
    found = [metrics.sliced_wasserstein_distance(a, b, n_projections=20, random_state=s) for s in (9, 9, 8)]
    assert found[0] == pytest.approx(expected, rel=1e-9)
    assert found[0] == found[1] != found[2]
    assert found[0] == ot.sliced_wasserstein_distance(a, b, n_projections=20, p=2, seed=9)


def test_sliced_distance_says_what_is_wrong(ot, generator):
    a = generator.normal(size=(5, 2))
    for options in ({"p": 3}, {"n_projections": 0}, {"random_state": -1}, {"random_state": 2**32}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must be an integer"):
            metrics.sliced_wasserstein_distance(a, a, **options)


@pytest.mark.parametrize("metric", [metrics.sliced_wasserstein_distance, metrics.sinkhorn_divergence])
def test_without_pot_the_message_gives_the_command(monkeypatch, generator, metric):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match=r'ot is not installed; run: pip install "vicinal\[ot\]"'):
        metric(*generator.normal(size=(2, 9, 2)))


@pytest.mark.parametrize("epsilon", [2.0, 10.0])
def test_sinkhorn_divergence_by_the_plans_of_pot(ot, generator, epsilon):
    a, b = generator.normal(size=(60, 3)), generator.normal(size=(60, 3)) * 1.3 + 0.5
    masses = np.full(60, 1 / 60)

    def cost(x, y):
        costs = cdist(x, y, "sqeuclidean")
        plan = ot.sinkhorn(masses, masses, costs, epsilon, method="sinkhorn_log", stopThr=1e-10, numIterMax=20_000)
        return (plan * costs).sum()

    expected = cost(a, b) - cost(a, a) / 2 - cost(b, b) / 2
    assert metrics.sinkhorn_divergence(a, b, regularization=epsilon) == pytest.approx(expected, rel=1e-3)
    assert metrics.sinkhorn_divergence(b, a, regularization=epsilon) == pytest.approx(expected, rel=1e-3)


def test_sinkhorn_divergence_takes_a_twentieth_of_the_median(ot, generator):
    a, b = generator.normal(size=(60, 3)), generator.normal(size=(60, 3)) + 1
    epsilon = 0.05 * float(np.median(cdist(a, a, "sqeuclidean")))
    assert metrics.sinkhorn_divergence(a, b) == pytest.approx(
        metrics.sinkhorn_divergence(a, b, regularization=epsilon), rel=1e-9
    )


def test_sinkhorn_divergence_between_its_limits(ot, generator):
    a, b = generator.normal(size=(30, 2)), generator.normal(size=(30, 2)) + 2
    squared = metrics.wasserstein_distance(a, b) ** 2
    assert metrics.sinkhorn_divergence(a, b, regularization=0.15) == pytest.approx(squared, rel=0.02)
    gap = a.mean(axis=0) - b.mean(axis=0)  # independent pairs: the means are all that is left
    assert metrics.sinkhorn_divergence(a, b, regularization=1e6) == pytest.approx(gap @ gap, rel=1e-4)
    assert metrics.sinkhorn_divergence(a, a) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 10.0), (10.0, 0.0), (30.0, 0.0), (1.0, 1e4)])
def test_sinkhorn_divergence_of_bad_samples_is_not_zero(ot, generator, scale, shift):
    # exp(-cost / epsilon) is 0 in float64 from 745 epsilon on, and POT then returns 0 with a warning
    a, b = generator.normal(size=(100, 8)), generator.normal(size=(100, 8)) * scale + shift
    assert metrics.sinkhorn_divergence(a, b) == pytest.approx(metrics.wasserstein_distance(a, b) ** 2, rel=0.1)


def test_sinkhorn_divergence_bears_an_outlier(ot, generator):
    a, b = generator.normal(size=(2, 100, 8))
    b[0] = 1e3
    assert metrics.sinkhorn_divergence(a, b) == pytest.approx(metrics.wasserstein_distance(a, b) ** 2, rel=0.1)
    assert metrics.sinkhorn_divergence(b, a) == pytest.approx(metrics.wasserstein_distance(a, b) ** 2, rel=0.1)


def test_sinkhorn_divergence_for_an_epsilon_that_needs_logarithms(ot, generator):
    a, b = generator.normal(size=(12, 2)), generator.normal(size=(12, 2)) + 50
    found = metrics.sinkhorn_divergence(a, b, regularization=1.0)
    assert found == pytest.approx(metrics.wasserstein_distance(a, b) ** 2, rel=1e-3)


def test_sinkhorn_divergence_that_does_not_converge_is_no_number(ot, generator):
    a, b = generator.normal(size=(2, 12, 2))
    with pytest.raises(ValueError, match=r"regularization must be large enough for 10,000 .*; got 0.001: pass more"):
        metrics.sinkhorn_divergence(a, b, regularization=1e-3)


def test_sinkhorn_divergence_takes_seeded_subsets(ot, generator):
    a, b = generator.normal(size=(90, 2)), generator.normal(size=(70, 2)) + 1
    small = [metrics.sinkhorn_divergence(a, b, regularization=2.0, max_samples=40, random_state=s) for s in (0, 0, 1)]
    assert small[0] == small[1] != small[2]


def test_sinkhorn_divergence_says_what_is_wrong(ot, generator):
    equal, b = np.ones((9, 2)), generator.normal(size=(9, 2))
    with pytest.raises(ValueError, match="regularization cannot be taken from real: all rows are equal"):
        metrics.sinkhorn_divergence(equal, equal)
    expected = np.square(b - 1).sum(axis=1).mean()  # one plan only, apart from what b costs itself
    assert 0 < metrics.sinkhorn_divergence(equal, b, regularization=1.0) < expected
    with pytest.raises(ValueError, match="regularization must be a finite number above 0"):
        metrics.sinkhorn_divergence(b, b, regularization=0.0)
    with pytest.raises(ValueError, match="max_samples must be an integer at least 1"):
        metrics.sinkhorn_divergence(b, b, max_samples=0)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [257, 5000])
def test_wide_rows_cost_what_narrow_ones_do(d, p):
    narrow = np.random.default_rng(0).normal(size=(2, 60, 20)) * [[[1.0]], [[1.5]]]
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(d, 20)))[0]
    real, generated = narrow @ rotation.T + 100.0  # the same distances in more columns, far from zero
    expected = metrics.wasserstein_distance(*narrow, p=p)
    assert metrics.wasserstein_distance(real, generated, p=p) == pytest.approx(expected, rel=1e-9)
    assert metrics.wasserstein_distance(real, real, p=p) == pytest.approx(0.0, abs=1e-4)
