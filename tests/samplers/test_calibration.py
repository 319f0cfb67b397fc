"""The number of bins that makes samples as new as asked, measured on data the calibration never saw."""

from functools import partial

import numpy as np
import pytest

from vicinal import metrics, neighbors
from vicinal._errors import CalibrationWarning
from vicinal.samplers import KDESampler, LocalSampler, PMFSampler
from vicinal.samplers.calibration import _search_bins, _search_neighbors
from vicinal.samplers.probes import row_hash


@pytest.fixture(scope="module")
def clusters():
    """Return 6,000 training and 3,000 held-out latents of eight dimensions in five clusters."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(5, 8)) * 3
    rows = centres[generator.integers(5, size=9000)] + generator.normal(size=(9000, 8)) * generator.uniform(0.3, 1, 8)
    return rows[:6000].astype(np.float32), rows[6000:].astype(np.float32)


def distances(train, *rows):
    """Return scaled distances of rows to the nearest training latent."""
    scaling = neighbors.Scaling.of(train)
    return [neighbors.nearest_distances(each, train, scaling) for each in rows]


@pytest.mark.parametrize("novelty", [0.25, 0.5, 1.0])
def test_the_target_is_met_on_fresh_data(clusters, novelty):
    train, fresh = clusters
    sampler = PMFSampler(novelty=novelty, random_state=0).fit(train)
    reached = metrics.nn_ratio(fresh, sampler.sample(3000), train=train)
    neighbours = [
        metrics.nn_ratio(fresh, PMFSampler(sampler.n_bins_ + step, random_state=0).fit(train).sample(3000), train=train)
        for step in (-1, 1)
    ]
    assert abs(reached - novelty) <= min(abs(other - novelty) for other in neighbours) + 0.05 * novelty
    assert abs(sampler.nn_ratio_ - reached) < 0.06 * novelty


@pytest.mark.filterwarnings("ignore:.*samples:vicinal._errors.CalibrationWarning")  # cells and kernels miss the shape
@pytest.mark.parametrize(
    ("make", "most"),
    [(PMFSampler, 1.1), (partial(KDESampler, "auto"), 1.07), (LocalSampler, 1.07)],  # the number of bins is whole
)
def test_few_latents_are_enough(clusters, make, most):
    everything = np.concatenate(clusters)
    reached = []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(9000)
        train, fresh = everything[order[:1000]], everything[order[1000:5000]]
        sampler = make(random_state=0).fit(train)
        reached.append(metrics.nn_ratio(fresh, sampler.sample(4000), train=train))
    assert min(reached) > 0.93
    assert max(reached) < most
    assert -0.02 < np.mean(reached) - 1 < 0.05


def test_given_held_out_latents_are_used(clusters):
    train, fresh = clusters
    ours = PMFSampler().fit(train, calibration_latents=fresh)
    assert ours.nn_ratio_ == pytest.approx(1.0, abs=0.1)
    orders = (np.argsort(fresh[:, 0]), np.argsort(-fresh[:, 1]))
    assert {PMFSampler().fit(train, calibration_latents=fresh[order]).n_bins_ for order in orders} == {ours.n_bins_}
    few = PMFSampler().fit(train, calibration_latents=fresh[:5])  # of these as few as there are
    assert 0.5 < few.nn_ratio_ < 2
    with pytest.raises(ValueError, match='calibration_latents go with n_bins="auto" only; got n_bins=4'):
        PMFSampler(4).fit(train, calibration_latents=fresh)
    with pytest.warns(CalibrationWarning, match=r"samples have 1\.\d+ times the total variance"):
        far = PMFSampler().fit(train, calibration_latents=fresh + 0.7)
    assert far.n_bins_ < ours.n_bins_
    with pytest.raises(ValueError, match=r"calibration_latents must have shape \(n_samples, 8\)"):
        PMFSampler().fit(train, calibration_latents=fresh[:, :3])


def test_the_fit_uses_all_rows(clusters):
    sampler = PMFSampler().fit(clusters[0])
    assert sampler.n_samples_seen_ == sampler.counts_.sum() == 6000
    fixed = PMFSampler(sampler.n_bins_).fit(clusters[0])
    assert np.array_equal(sampler.cells_, fixed.cells_)
    assert not hasattr(fixed, "nn_ratio_")


def test_refitting_forgets_the_calibration(clusters):
    sampler = PMFSampler().fit(clusters[0])
    assert sampler.nn_ratio_ > 0
    sampler.set_params(n_bins=4).fit(clusters[0])
    assert not hasattr(sampler, "nn_ratio_")


def test_empty_batches_change_nothing(clusters):
    train = clusters[0][:1000]
    parts = PMFSampler().fit(iter([train[:0], train[:700], train[:0], train[700:]]))
    whole = PMFSampler().fit(train)
    assert (parts.n_bins_, parts.nn_ratio_) == (whole.n_bins_, whole.nn_ratio_)


def test_too_few_latents():
    with pytest.warns(
        CalibrationWarning, match='n_bins="auto": at least 50 latents are needed, and there are 49; using n_bins=16'
    ):
        sampler = PMFSampler().fit(np.random.default_rng(0).normal(size=(49, 2)))
    assert sampler.n_bins_ == 16
    assert np.isnan(sampler.nn_ratio_)


def test_duplicates(clusters):
    few = np.repeat(np.random.default_rng(0).normal(size=(6, 2)), 100, axis=0)
    with pytest.warns(CalibrationWarning, match="among 600 latents only 6 are distinct; using n_bins=16"):
        PMFSampler().fit(few)
    with pytest.warns(CalibrationWarning, match="half of the held-out latents are copies of training latents"):
        PMFSampler().fit(clusters[0], calibration_latents=clusters[0][:500])
    with pytest.warns(
        CalibrationWarning, match="100% of the latents repeat others, and 0% of the samples do: fit numpy"
    ):
        twice = PMFSampler().fit(np.repeat(clusters[0], 2, axis=0))
    assert abs(twice.n_bins_ - PMFSampler().fit(clusters[0]).n_bins_) <= 1


def test_the_size_of_the_latents_does_not_matter():
    latents = np.random.default_rng(0).normal(size=(500, 1))
    assert PMFSampler().fit(latents * 1e200).n_bins_ == pytest.approx(PMFSampler().fit(latents).n_bins_, rel=0.2)


def test_a_target_beyond_one_bin():
    latents = np.random.default_rng(0).random((500, 2))
    with pytest.warns(CalibrationWarning, match="cannot be brought to 9: even one bin, the whole box, reaches only"):
        assert PMFSampler(novelty=9).fit(latents).n_bins_ == 1


def test_the_most_bins_that_meet_the_target_are_taken(clusters):
    """A number of bins that is one too large would give samples that are too near to the training latents."""
    train, fresh = clusters
    n_bins = PMFSampler().fit(train).n_bins_
    one, more = (PMFSampler(n, random_state=0).fit(train).sample(3000) for n in (n_bins, n_bins + 1))
    ratios = [
        neighbors.quantile_ratios(*distances(train, rows, fresh), (0.25, 0.5, 0.75)).min() for rows in (one, more)
    ]
    assert ratios[1] < 0.99 < ratios[0] + 0.03


def test_a_target_that_whole_numbers_miss(clusters):
    one, two = (PMFSampler(n, random_state=0).fit(clusters[0]).sample(3000) for n in (1, 2))
    ratios = [metrics.nn_ratio(clusters[1], rows, train=clusters[0]) for rows in (one, two)]
    with pytest.warns(CalibrationWarning, match="the nearest that whole numbers of bins give is"):
        PMFSampler(novelty=1.1 * ratios[1]).fit(clusters[0])


@pytest.mark.parametrize(
    ("scale", "target", "expected"),
    [(9.2, 1.0, 9), (9.8, 1.0, 9), (9.5, 1.0, 9), (0.4, 1.0, 1), (300.0, 0.5, 600), (9.2, 1e-9, 4096), (9.2, 9.0, 1)],
)
def test_the_search_finds_the_most_bins_quickly(scale, target, expected):
    asked = []

    def ratio(n_bins):
        asked.append(n_bins)
        return scale / n_bins

    n_bins, reached = _search_bins(ratio, target)
    assert n_bins == expected
    assert reached == scale / n_bins
    assert len(asked) == len(set(asked)) <= 20


@pytest.mark.parametrize("slope", [0.03, 0.06, 0.12])
@pytest.mark.parametrize("wanted", [6, 32, 60, 250])
def test_neighbors_are_found_in_few_trials(slope, wanted):
    tried = []

    def ratio(k):
        tried.append(k)
        return 1.0 + slope * np.log2(k / wanted)

    _, reached = _search_neighbors(ratio, 1.0, 100_000)
    assert abs(reached - 1.0) <= 0.015
    assert len(tried) <= 3  # each is a fit


def test_the_search_ends_on_a_plateau():
    asked = []
    assert _search_bins(lambda n_bins: asked.append(n_bins) or 1.02, 1.0)[0] == 4096
    assert len(asked) < 40


@pytest.mark.parametrize("novelty", [0, -1.0, np.nan, np.inf])
def test_bad_targets(novelty):
    with pytest.raises(ValueError, match="novelty must be a finite number above 0"):
        PMFSampler(novelty=novelty).fit(np.random.default_rng(0).normal(size=(60, 2)))


def test_the_hash_sees_values_only():
    rows = np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)
    hashes = row_hash(rows)
    assert len(np.unique(hashes)) == 1000
    order = np.random.default_rng(1).permutation(1000)
    assert np.array_equal(row_hash(rows[order]), hashes[order])
    assert np.array_equal(row_hash(np.array([[0.0, 1.0]])), row_hash(np.array([[-0.0, 1.0]])))
    halves = (hashes >> np.uint64(63)).mean()
    assert abs(halves - 0.5) < 0.06
    low_bits = np.unpackbits(hashes.view(np.uint8)).mean()
    assert abs(low_bits - 0.5) < 0.02


def test_real_latents(mnist_dir):
    """Latents of real digits: principal components keep this quick; trained autoencoders are in the benchmark."""
    from sklearn.decomposition import PCA

    from vicinal import datasets

    images = datasets.load("mnist", data_dir=mnist_dir).images.reshape(60_000, -1)
    images = images[np.random.default_rng(0).permutation(60_000)]  # MNIST's test images have other writers
    latents = PCA(16, random_state=0).fit(images[:10_000]).transform(images)
    train, fresh = latents[:50_000], latents[50_000:]
    samples = LocalSampler(random_state=0).fit(train).sample(10_000)
    assert metrics.nn_ratio(fresh, samples, train=train) == pytest.approx(1.0, abs=0.1)
    assert metrics.novelty_test(fresh, samples, train=train).p_value >= neighbors.LEVEL
    with pytest.warns(CalibrationWarning, match="times the total variance"):  # cells that are new add more than a tenth
        sampler = PMFSampler(random_state=0).fit(train)
    assert 1.0 <= metrics.nn_ratio(fresh, sampler.sample(10_000), train=train) < 1.15
    assert metrics.novelty_test(fresh, sampler.sample(10_000), train=train).p_value >= neighbors.LEVEL
