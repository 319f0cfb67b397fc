"""Maximum mean discrepancies against the sums that define them, torchmetrics and closed forms."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from vicinal import metrics
from vicinal.metrics import discrepancy


def polynomial(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3


def gaussian(h):
    return lambda a, b: np.exp(-cdist(a, b, "sqeuclidean") / (2 * h**2))


def by_pairs(x, y, kernel):
    """Return the unbiased squared discrepancy from all pairs of different rows."""
    other = ~np.eye(len(x), dtype=bool)
    return kernel(x, x)[other].mean() + kernel(y, y)[other].mean() - 2 * kernel(x, y).mean()


@pytest.fixture
def pair(generator):
    return generator.normal(size=(60, 7)), generator.normal(size=(60, 7)) * 1.3 + 0.2


def test_kernel_distance_by_pairs(pair):
    assert metrics.kernel_distance(*pair) == pytest.approx(by_pairs(*pair, polynomial), rel=1e-10)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
def test_torchmetrics_agrees_on_the_kernel_distance(pair):
    torch = pytest.importorskip("torch")
    kid = pytest.importorskip("torchmetrics.image.kid")
    theirs = kid.KernelInceptionDistance(feature=torch.nn.Identity(), subsets=1, subset_size=60)
    theirs = theirs.set_dtype(torch.float64)
    theirs.update(torch.from_numpy(pair[0]), real=True)
    theirs.update(torch.from_numpy(pair[1]), real=False)
    assert metrics.kernel_distance(*pair) == pytest.approx(float(theirs.compute()[0]), rel=1e-6)


def test_kernel_distance_is_symmetric_where_all_rows_are_used(pair):
    assert metrics.kernel_distance(*pair) == pytest.approx(metrics.kernel_distance(*pair[::-1]), rel=1e-10)
    # one subset is all there is: neither its order nor how often it is taken matters
    values = {metrics.kernel_distance(*pair, n_subsets=n, subset_size=60) for n in (1, 7)}
    assert len(values) == 1


@pytest.mark.parametrize("metric", [metrics.kernel_distance, lambda x, y: metrics.mmd(x, y, bandwidth=1.0)])
def test_no_bias_between_equal_distributions(metric, generator):
    values = [metric(*generator.normal(size=(2, 6, 2))) for _ in range(250)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0  # an estimate that cannot be negative would be biased


def test_kernel_distance_takes_seeded_subsets(generator):
    x, y = generator.normal(size=(2, 100, 3))
    few = [metrics.kernel_distance(x, y, n_subsets=3, subset_size=20, random_state=s) for s in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    many = metrics.kernel_distance(x, y + 1, n_subsets=400, subset_size=20)
    assert many == pytest.approx(by_pairs(x, y + 1, polynomial), rel=0.05)  # the mean over subsets is the whole


def test_kernel_distance_of_sets_of_different_size(generator):
    x, y = generator.normal(size=(40, 3)), generator.normal(size=(5, 3)) + 1
    drawn = [metrics.kernel_distance(x, y, n_subsets=1, random_state=seed) for seed in range(400)]
    other = [~np.eye(n, dtype=bool) for n in (40, 5)]  # subsets of five are unbiased for all forty
    expected = polynomial(x, x)[other[0]].mean() + polynomial(y, y)[other[1]].mean() - 2 * polynomial(x, y).mean()
    assert abs(np.mean(drawn) - expected) < 3 * np.std(drawn) / np.sqrt(400)
    assert metrics.kernel_distance(x, y, n_subsets=400) == pytest.approx(np.mean(drawn), abs=6 * np.std(drawn) / 20)


def test_kernel_distance_of_large_numbers_is_measured_or_refused(pair):
    try:
        value = metrics.kernel_distance(pair[0] * 1e60, pair[1] * 1e60)
    except discrepancy.InvalidInputError:
        return
    assert np.isfinite(value)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("n_subsets", 0, "n_subsets"), ("subset_size", 1, "subset_size"), ("random_state", -1, "random_state")],
)
def test_kernel_distance_says_which_option_is_wrong(pair, option, value, message):
    with pytest.raises(ValueError, match=f"{message} must be an integer at least"):
        metrics.kernel_distance(*pair, **{option: value})
    with pytest.raises(TypeError, match=f"{message} must be an integer at least"):
        metrics.kernel_distance(*pair, **{option: 1.5})


@pytest.mark.parametrize("h", [0.3, 2.0, 50.0])
def test_mmd_by_pairs(pair, h):
    expected = by_pairs(*pair, gaussian(h))
    assert metrics.mmd(*pair, bandwidth=h) == pytest.approx(expected, rel=1e-7, abs=1e-13)
    assert metrics.mmd(*pair[::-1], bandwidth=h) == pytest.approx(expected, rel=1e-7, abs=1e-13)


def test_mmd_takes_the_median_distance_between_real_rows(pair):
    h = float(np.median(pdist(pair[0])))
    assert metrics.mmd(*pair) == pytest.approx(by_pairs(*pair, gaussian(h)), rel=1e-9)
    assert metrics.mmd(*pair) != metrics.mmd(*pair[::-1])


def test_mmd_does_not_feel_units_and_offsets(pair):
    plain = metrics.mmd(*pair)
    assert metrics.mmd(pair[0] * 1e3, pair[1] * 1e3) == pytest.approx(plain, rel=1e-9)
    assert metrics.mmd(pair[0] + 1e7, pair[1] + 1e7) == pytest.approx(plain, rel=1e-6)


def test_mmd_between_gaussians_in_closed_form(generator):
    shift, h = np.array([1.0, 0.5]), 1.5
    expected = 2 * h**2 / (h**2 + 2) * (1 - np.exp(-shift @ shift / (2 * (h**2 + 2))))
    many = [metrics.mmd(x, y + shift, bandwidth=h) for x, y in generator.normal(size=(100, 2, 100, 2))]
    assert abs(np.mean(many) - expected) < 3 * np.std(many) / np.sqrt(len(many))
    x, y = generator.normal(size=(2, 4000, 2))
    assert metrics.mmd(x, y + shift, bandwidth=h) == pytest.approx(expected, rel=0.15)


def test_mmd_is_two_at_most():
    assert metrics.mmd(np.zeros((5, 2)), np.full((5, 2), 100.0), bandwidth=1.0) == pytest.approx(2.0)
    assert metrics.mmd(np.zeros((5, 2)), np.zeros((5, 2)), bandwidth=1.0) == pytest.approx(0.0)


@pytest.mark.parametrize("n", [1023, 1024, 1025])
def test_sizes_around_a_block(generator, n):
    x, y = generator.normal(size=(2, n, 2))
    assert metrics.mmd(x, y + 1, bandwidth=1.0) == pytest.approx(by_pairs(x, y + 1, gaussian(1.0)), rel=1e-9)


def test_mmd_takes_seeded_subsets_of_equal_size(generator):
    x, y = generator.normal(size=(200, 2)), generator.normal(size=(150, 2))
    small = [metrics.mmd(x, y, bandwidth=1.0, max_samples=50, random_state=s) for s in (0, 0, 1)]
    assert small[0] == small[1] != small[2]
    assert metrics.mmd(x, y, max_samples=None) == metrics.mmd(x, y, max_samples=150) == metrics.mmd(x, y)
    assert metrics.mmd(x, y, max_samples=149) != metrics.mmd(x, y)


def test_mmd_says_what_is_wrong(pair):
    equal = np.zeros((9, 2))
    with pytest.raises(ValueError, match="half of its rows are equal; give a bandwidth"):
        metrics.mmd(equal, equal)
    assert metrics.mmd(equal, equal + 1, bandwidth=1.0) > 0
    with pytest.raises(ValueError, match="max_samples must leave at least 2 rows of each set; got 1"):
        metrics.mmd(*pair, max_samples=1, bandwidth=1.0)
    for bad in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="bandwidth must be a finite number above 0"):
            metrics.mmd(*pair, bandwidth=bad)
    with pytest.raises(TypeError, match="bandwidth must be a number above 0"):
        metrics.mmd(*pair, bandwidth="median")


def test_mmd_counts_rows_before_it_takes_the_median(pair):
    with pytest.raises(ValueError, match="max_samples must leave at least 2 rows of each set; got 1"):
        metrics.mmd(*pair, max_samples=1)


@pytest.mark.parametrize(("h", "limit"), [(1e-200, 0.0), (1e200, 0.0)])
def test_mmd_at_extreme_bandwidths(pair, h, limit):
    assert metrics.mmd(*pair, bandwidth=h) == pytest.approx(limit, abs=1e-12)
