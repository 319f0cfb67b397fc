"""The Frechet distance and the moments below it, against closed forms, torchmetrics and all rows at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal import metrics


def by_singular_values(a, b):
    """Return the Frechet distance: tr (S_a S_b)^(1/2) is the nuclear norm of the product of centred rows."""
    gap = a.mean(axis=0) - b.mean(axis=0)
    a, b = (np.linalg.qr((x - x.mean(axis=0)) / np.sqrt(len(x) - 1))[1] for x in (a, b))  # of the same products
    return gap @ gap + np.square(a).sum() + np.square(b).sum() - 2 * np.linalg.norm(a @ b.T, "nuc")


def test_diagonal_gaussians_in_closed_form(generator):
    x = generator.normal(size=(400, 3))
    x = np.linalg.solve(np.linalg.cholesky(np.cov(x, rowvar=False)), (x - x.mean(axis=0)).T).T  # exactly white
    a, b = x * [1.0, 2.0, 3.0], x * [2.0, 2.0, 0.5] + [1.0, 0.0, -2.0]
    assert metrics.frechet_distance(a, b) == pytest.approx(5.0 + 1.0 + 0.0 + 2.5**2, rel=1e-9)


def test_draws_of_two_gaussians_approach_the_closed_form(generator):
    a, b = generator.normal(size=(2, 20_000, 3))
    assert metrics.frechet_distance(a, 2 * b + [3.0, 0.0, 0.0]) == pytest.approx(9.0 + 3 * 1.0, rel=0.02)


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 4), (50, 60, 30), (5, 7, 30), (2, 2, 1)])
def test_any_sets_by_singular_values(generator, n, m, d):
    a = generator.normal(size=(n, d)) @ generator.normal(size=(d, d))
    b = generator.normal(size=(m, d)) @ generator.normal(size=(d, d)) + 1
    expected = pytest.approx(by_singular_values(a, b), rel=1e-6)
    assert metrics.frechet_distance(a, b) == expected
    assert metrics.frechet_distance(b, a) == expected
    assert metrics.frechet_distance(a[::-1], generator.permutation(b)) == expected


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 4), (200, 300, 32)])
def test_torchmetrics_agrees(generator, n, m, d):
    torch = pytest.importorskip("torch")
    fid = pytest.importorskip("torchmetrics.image.fid")
    identity = torch.nn.Identity()
    identity.num_features = d
    theirs = fid.FrechetInceptionDistance(feature=identity).set_dtype(torch.float64)
    a = generator.normal(size=(n, d)) @ generator.normal(size=(d, d))
    b = generator.normal(size=(m, d)) @ generator.normal(size=(d, d)) + 1
    theirs.update(torch.from_numpy(a), real=True)
    theirs.update(torch.from_numpy(b), real=False)
    assert metrics.frechet_distance(a, b) == pytest.approx(float(theirs.compute()), rel=1e-6)


def test_zero_on_equal_and_degenerate_sets(generator):
    x = generator.normal(size=(5, 30)).astype(np.float32)  # fewer rows than features
    assert metrics.frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6)
    assert metrics.frechet_distance(np.zeros((3, 1)), np.zeros((3, 1))) == 0.0
    assert metrics.frechet_distance(np.zeros((3, 2)), np.ones((4, 2))) == 2.0  # no spread: the gap alone


def test_invariant_to_rotation_and_shift_and_quadratic_in_units(generator):
    a, b = generator.normal(size=(2, 100, 5)) * [[[1.0]], [[2.0]]]
    rotation = np.linalg.qr(generator.normal(size=(5, 5)))[0]
    plain = metrics.frechet_distance(a, b)
    assert metrics.frechet_distance(a @ rotation + 7, b @ rotation + 7) == pytest.approx(plain)
    assert metrics.frechet_distance(10 * a, 10 * b) == pytest.approx(100 * plain)


def test_float32_far_from_zero_is_summed_in_float64(generator):
    a, b = (generator.normal(size=(2, 5000, 3)) * [[[1.0]], [[1.1]]] + 1e4).astype(np.float32)
    expected = by_singular_values(a.astype(np.float64), b.astype(np.float64))
    assert expected < 0.1
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)


def test_large_numbers_are_measured_or_refused(generator):
    a, b = generator.normal(size=(2, 50, 3))
    plain = metrics.frechet_distance(a, b)
    try:
        distance = metrics.frechet_distance(a * 1e100, b * 1e100)
    except metrics.distances.InvalidInputError:
        return
    assert distance == pytest.approx(plain * 1e200)


def test_two_rows_of_each_are_needed(generator):
    x = generator.normal(size=(5, 2))
    with pytest.raises(ValueError, match="generated must have at least 2 rows; got n_samples=1"):
        metrics.frechet_distance(x, x[:1])
    with pytest.raises(ValueError, match="at least 2 rows of features; got 1"):
        metrics.frechet_distance(x, metrics.Moments().update(x[:1]))


def test_moments_stand_for_their_rows(generator):
    a, b = generator.normal(size=(100, 3)), generator.normal(size=(80, 3)) * 2 + 1
    first, second = metrics.Moments().update(a), metrics.Moments().update(b)
    expected = pytest.approx(metrics.frechet_distance(a, b), rel=1e-12)
    for pair in ((first, second), (a, second), (first, b)):
        assert metrics.frechet_distance(*pair) == expected
    with pytest.raises(ValueError, match="rows of one length; got 3 and 2 values"):
        metrics.frechet_distance(first, b[:, :2])


def assert_moments_of(moments, x):
    covariance = np.atleast_2d(np.cov(x, rowvar=False))
    assert moments.n_samples == len(x)
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=1e-10, atol=1e-10 * np.abs(x).max())
    np.testing.assert_allclose(moments.covariance, covariance, rtol=1e-10, atol=1e-10 * np.trace(covariance))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(0, 60), max_size=6).map(sorted),
    order=st.randoms(use_true_random=False),
    offset=st.sampled_from([0.0, 1e3]),
)
def test_moments_of_chunks_in_any_order_are_those_of_all_rows(seed, cuts, order, offset):
    x = np.random.default_rng(seed).normal(size=(60, 3)) * [1.0, 5.0, 0.1] + offset
    chunks = [chunk for chunk in np.split(x, cuts) if len(chunk)]
    parts = [metrics.Moments().update(chunk) for chunk in chunks] + [metrics.Moments()]
    order.shuffle(parts)
    while len(parts) > 1:  # merge any two until one is left
        order.shuffle(parts)
        parts.append(parts.pop().merge(parts.pop()))
    assert_moments_of(parts[0], x)
    one = metrics.Moments()
    for chunk in chunks:
        one.update(chunk)
    assert_moments_of(one, x)


def test_moments_across_the_blocks_of_one_update(generator):
    x = generator.normal(size=(2 * 4096 + 3, 2)) * [1.0, 100.0] + [1e4, 0.0]
    assert_moments_of(metrics.Moments().update(x), x)
    assert_moments_of(metrics.Moments().update(x[:4096]), x[:4096])


def test_moments_of_float32_far_from_zero(generator):
    x = (generator.normal(size=(9000, 2)) + 1e4).astype(np.float32)
    moments = metrics.Moments()
    for chunk in np.array_split(x, 9):
        moments.update(chunk)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(moments.covariance, np.cov(exact - 1e4, rowvar=False), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(moments.mean - 1e4, (exact - 1e4).mean(axis=0), atol=1e-10)


def test_moments_take_tensors_and_images(generator):
    torch = pytest.importorskip("torch")
    x = generator.normal(size=(20, 1, 2, 2))
    assert_moments_of(metrics.Moments().update(torch.from_numpy(x)), x.reshape(20, 4))
    tensor = torch.from_numpy(x).float().requires_grad_()
    assert_moments_of(metrics.Moments().update(tensor), x.astype(np.float32).astype(np.float64).reshape(20, 4))


def test_moments_merge_with_empty_ones(generator):
    x = generator.normal(size=(9, 2))
    assert_moments_of(metrics.Moments().update(x).merge(metrics.Moments()), x)
    assert_moments_of(metrics.Moments().merge(metrics.Moments().update(x)), x)
    assert metrics.Moments().merge(metrics.Moments()).n_samples == 0


def test_what_was_merged_stays_as_it_was(generator):
    x, y = generator.normal(size=(2, 9, 2))
    part = metrics.Moments().update(x)
    whole = metrics.Moments().merge(part).update(y)
    assert_moments_of(part, x)
    assert_moments_of(whole, np.concatenate([x, y]))
    assert_moments_of(part.merge(part), np.concatenate([x, x]))


@pytest.mark.parametrize("n", [50, 3])
def test_a_factor_is_a_root_of_the_covariance_and_never_of_an_earlier_one(generator, n):
    x, y = generator.normal(size=(2, n, 5)) @ generator.normal(size=(5, 5))

    def is_root(moments):
        return np.allclose(moments.factor @ moments.factor.T, moments.covariance, rtol=1e-10, atol=1e-10)

    moments = metrics.Moments().update(x)
    assert is_root(moments)
    assert moments.factor is moments.factor, "it is worked out once"
    moments.update(3 * y)
    assert is_root(moments)
    before = moments.covariance
    moments.merge(metrics.Moments().update(y - 7))
    assert not np.allclose(moments.covariance, before)
    assert is_root(moments)
    with pytest.raises(ValueError, match="needs at least 2 rows"):
        _ = metrics.Moments().update(x[:1]).factor


def test_moments_say_what_is_wrong(generator):
    moments = metrics.Moments().update(generator.normal(size=(9, 2)))
    before = moments.covariance
    with pytest.raises(TypeError, match="other must be Moments; got str"):
        moments.merge("moments")
    with pytest.raises(ValueError, match="rows of one length; got 2 and 3 values"):
        moments.merge(metrics.Moments().update(np.zeros((4, 3))))
    with pytest.raises(ValueError, match="rows of one length; got 2 and 3 values"):
        moments.update(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="features must be finite"):
        moments.update([[0.0, np.inf]])
    assert moments.n_samples == 9, "a refused batch must leave no trace"
    np.testing.assert_array_equal(moments.covariance, before)
    for rows, got in (([], 0), ([[1.0, 2.0]], 1)):
        few = metrics.Moments().update(rows) if rows else metrics.Moments()
        with pytest.raises(ValueError, match=f"covariance needs at least 2 rows of features; got {got}"):
            _ = few.covariance


def test_variance_ratio():
    generator = np.random.default_rng(0)
    real, generated = generator.normal(size=(500, 3, 2)), 5 + 2 * generator.normal(size=(400, 3, 2))
    assert metrics.variance_ratio(real, generated) == pytest.approx(4.0, rel=0.1)
    assert metrics.variance_ratio(real, 7 - 3 * real) == pytest.approx(9.0)
    assert np.isnan(metrics.variance_ratio(np.ones((4, 2)), real[:, 0]))
    with pytest.raises(ValueError, match="generated"):
        metrics.variance_ratio(real, generated[:, :2])


def test_the_distance_of_infinitely_many_rows_is_known():
    """The mean over 40 pairs of small sets is the distance of the Gaussians, where the plain distance is far above."""
    generator = np.random.default_rng(0)
    scales = np.array([1.0, 2.0, 0.5, 1.0, 1.0])
    truth = 0.25 + np.square(scales - 1).sum()
    plain, extrapolated = [], []
    for seed in range(40):
        x, y = generator.normal(size=(2, 150, 5))
        y = y * scales + np.array([0.5, 0, 0, 0, 0])
        plain.append(metrics.frechet_distance(x, y[:100]))
        extrapolated.append(metrics.frechet_distance_infinity(x, y[:100], random_state=seed))
    error = np.std(extrapolated, ddof=1) / np.sqrt(40)
    assert abs(np.mean(extrapolated) - truth) < 3 * error
    assert np.mean(plain) - truth > 3 * error


def test_the_extrapolated_distance_needs_rows_and_a_seed():
    with pytest.raises(ValueError, match="real must have at least 8 rows"):
        metrics.frechet_distance_infinity(np.zeros((7, 2)), np.zeros((9, 2)))
    x, y = np.random.default_rng(0).normal(size=(2, 90, 3))
    assert metrics.frechet_distance_infinity(x, y) == metrics.frechet_distance_infinity(x, y)
    assert metrics.frechet_distance_infinity(x, y) != metrics.frechet_distance_infinity(x, y, random_state=1)
