"""Vicinities shaped by neighbours: moments that are kept, novelty that is met, classes and weights."""

import numpy as np
import pytest

import vicinal
from vicinal import metrics
from vicinal._errors import CalibrationWarning
from vicinal.samplers import LocalSampler

pytestmark = pytest.mark.filterwarnings("ignore::vicinal._errors.LabelWarning")  # small classes suffice here


@pytest.fixture(scope="module")
def clusters():
    """Return 6,000 training and 3,000 held-out latents of eight dimensions in five clusters."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(5, 8)) * 3
    rows = centres[generator.integers(5, size=9000)] + generator.normal(size=(9000, 8)) * generator.uniform(0.3, 1, 8)
    return rows[:6000].astype(np.float32), rows[6000:].astype(np.float32)


def cells_of(sampler):
    return np.split(sampler.latents_, sampler.neighborhood_starts_[1:-1])


@pytest.mark.parametrize(("n_neighbors", "n_samples"), [(2, 200_000), (7, 100_000), (40, 50_000), (6000, 3000)])
def test_mean_and_covariance_are_those_of_the_latents(clusters, n_neighbors, n_samples):
    train = clusters[0]
    sampler = LocalSampler(n_neighbors, scale=1.0, random_state=0).fit(train)
    drawn = sampler.sample(n_samples).astype(np.float64)
    assert sampler.variance_ratio_ == pytest.approx(1.0, abs=1e-6)
    deviation = train.std(axis=0)
    assert np.abs((drawn.mean(axis=0) - train.mean(axis=0)) / deviation).max() < 5 / np.sqrt(n_samples)
    error = (np.cov(drawn.T) - np.cov(train.T, ddof=0)) / np.outer(deviation, deviation)
    assert np.abs(error).max() < 5 * np.sqrt(2 / n_samples)


def test_moments_within_a_cell(clusters):
    sampler = LocalSampler(50, scale=1.0, max_iter=0, random_state=0).fit(clusters[0][:100])
    one, two = cells_of(sampler)
    drawn = sampler.sample(20_000)
    axis = one.mean(axis=0) - two.mean(axis=0)
    sides = LocalSampler(50, scale=1.0, random_state=0).fit(clusters[0][:100], [0] * 50 + [1] * 50)
    first = sides.sample(50_000, y=0).astype(np.float64)
    rows = clusters[0][:50]
    assert np.abs(first.mean(axis=0) - rows.mean(axis=0)).max() < 0.05
    assert np.abs(np.cov(first.T) - np.cov(rows.T, ddof=0)).max() < 0.15
    assert (drawn @ axis > (one.mean(axis=0) + two.mean(axis=0)) @ axis / 2).mean() == pytest.approx(0.5, abs=0.02)


def test_one_neighbour_copies(clusters):
    train = clusters[0]
    drawn = LocalSampler(1, scale=1.0, random_state=0).fit(train).sample(500)
    assert {row.tobytes() for row in drawn} <= {row.tobytes() for row in train}


def test_cells_follow_clusters_that_the_tree_cuts():
    generator = np.random.default_rng(0)
    small, large = generator.normal(size=(1000, 3)), generator.normal([12.0, 0.0, 0.0], size=(3000, 3))
    train = np.concatenate([small, large])

    def between(max_iter):
        drawn = LocalSampler(1000, scale=1.0, max_iter=max_iter, random_state=0).fit(train).sample(20_000)
        return ((drawn[:, 0] > 4.5) & (drawn[:, 0] < 7.5)).mean()

    assert between(8) < 1e-3
    tree = LocalSampler(1300, scale=1.0, max_iter=0, random_state=0).fit(train)
    assert len(cells_of(tree)) == 3  # a third of 4,000 latents is not a quarter
    moved = LocalSampler(1300, scale=1.0, random_state=0).fit(train)
    assert sorted(cell[:, 0].min() > 6 for cell in cells_of(moved)) == [False, True, True]
    assert min(map(len, cells_of(moved))) == 1000


def test_no_latent_is_alone(clusters):
    """A cell of one latent would copy it."""
    for n_neighbors in (2, 5, 30):
        cells = cells_of(LocalSampler(n_neighbors, scale=1.0).fit(clusters[0]))
        assert min(map(len, cells)) >= max(2, n_neighbors // 4)
        assert np.mean([len(cell) for cell in cells]) == pytest.approx(n_neighbors, rel=0.4)


def test_all_neighbours_are_one_gaussian():
    square = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    drawn = LocalSampler(4, scale=1.0, random_state=0).fit(square).sample(50_000)
    assert np.cov(drawn.T) == pytest.approx(np.eye(2), abs=0.02)
    assert (np.abs(drawn) > 3).any()  # not bounded as the square is


def test_samples_stay_on_a_flat_manifold():
    generator = np.random.default_rng(0)
    plane = generator.normal(size=(500, 2)) @ generator.normal(size=(2, 30)) + generator.normal(size=30)
    drawn = LocalSampler(12, scale=1.3, random_state=0).fit(plane).sample(300)
    singular = np.linalg.svd(np.concatenate([plane, drawn]) - plane.mean(axis=0), compute_uv=False)
    assert singular[2] < 1e-9 * singular[0]


@pytest.mark.parametrize(("shrinkage", "scale"), [(1.0, 0.5), (0.4, 1.0), (0.0, 1.3)])
def test_variance_ratio(clusters, shrinkage, scale):
    train = clusters[0]
    sampler = LocalSampler(30, scale=scale, shrinkage=shrinkage, random_state=0).fit(train)
    measured = sampler.sample(100_000).var(axis=0).sum() / train.var(axis=0).sum()
    assert sampler.variance_ratio_ == pytest.approx(measured, rel=0.01)
    assert abs(sampler.variance_ratio_ - 1) > 0.01


def test_shrinkage_and_scale_by_hand():
    train = np.array([[0.0], [1.0], [10.0], [12.0]])
    copies = LocalSampler(2, scale=1e-9, shrinkage=0.0, random_state=0).fit(train).sample(100)
    assert set(np.round(copies.ravel(), 6)) == {0.0, 1.0, 10.0, 12.0}
    means = LocalSampler(2, scale=1e-9, random_state=0).fit(train).sample(100)
    assert set(np.round(means.ravel(), 6)) == {0.5, 11.0}
    half = LocalSampler(2, scale=1e-9, shrinkage=0.5, random_state=0).fit(train).sample(100)
    assert set(np.round(half.ravel(), 6)) == {0.25, 0.75, 10.5, 11.5}


@pytest.mark.parametrize("novelty", [0.7, 0.8, 1.0, 1.1])
def test_the_target_is_met_on_fresh_data(clusters, novelty):
    train, fresh = clusters
    sampler = LocalSampler(novelty=novelty, random_state=0).fit(train)
    assert sampler.nn_ratio_ == pytest.approx(
        novelty, abs=0.05
    )  # whole numbers of neighbours: 3 have 0.55, 4 have 0.65
    assert metrics.nn_ratio(fresh, sampler.sample(3000), train=train) == pytest.approx(novelty, abs=0.05)


def test_neighbours_come_first_and_scale_only_where_they_cannot(clusters):
    train = clusters[0]
    assert LocalSampler().fit(train).scale_ == 1.0
    more = LocalSampler(novelty=1.05).fit(train)
    assert (
        more.n_neighbors_ > LocalSampler().fit(train).n_neighbors_ > LocalSampler(novelty=0.8).fit(train).n_neighbors_
    )
    with pytest.warns(CalibrationWarning, match=r"samples have \d.\d+ times the total variance of the latents"):
        bold = LocalSampler(novelty=6.0).fit(train)  # one Gaussian is not as bold
    assert bold.scale_ > 1.5
    assert bold.variance_ratio_ > 1.5
    with pytest.warns(
        CalibrationWarning, match=r"to 0.05: the nearest found is 0.\d+; .* using n_neighbors=2 and scale=1"
    ):
        LocalSampler(novelty=0.05).fit(train)
    with pytest.warns(CalibrationWarning, match="too many samples are near to training latents"):
        given = LocalSampler(4).fit(train)
    assert given.n_neighbors_ == 4
    assert given.scale_ > 1.05
    assert given.nn_ratio_ >= 1.0
    wide = LocalSampler(scale=1.3).fit(train)
    assert wide.scale_ == 1.3
    assert wide.n_neighbors_ < LocalSampler().fit(train).n_neighbors_


def test_given_held_out_latents_are_used(clusters):
    train, fresh = clusters
    ours = LocalSampler().fit(train, calibration_latents=fresh)
    far = LocalSampler().fit(train, calibration_latents=fresh + 0.3)
    assert far.n_neighbors_ > ours.n_neighbors_
    with pytest.raises(ValueError, match=r"calibration_latents must have shape \(n_samples, 8\)"):
        LocalSampler().fit(train, calibration_latents=fresh[:, :3])
    with pytest.raises(ValueError, match='calibration_latents go with n_neighbors="auto" or scale="auto" only'):
        LocalSampler(4, scale=1.0).fit(train, calibration_latents=fresh)


def test_what_cannot_be_calibrated():
    with pytest.warns(CalibrationWarning, match="at least 50 latents are needed, and there are 9; using n_neighbors=9"):
        sampler = LocalSampler().fit(np.random.default_rng(0).normal(size=(9, 2)))
    assert np.isnan(sampler.nn_ratio_)
    assert not hasattr(LocalSampler(3, scale=1.0).fit(np.random.default_rng(0).normal(size=(9, 2))), "nn_ratio_")
    with pytest.warns(
        CalibrationWarning, match=r"cannot be brought to 1: the nearest found is 0.00; .* using n_neighbors=1"
    ):
        LocalSampler(1).fit(np.random.default_rng(0).normal(size=(90, 2)))


def test_novelty_of_real_latents(mnist_dir):
    pytest.importorskip("torch")
    images = vicinal.datasets.load("mnist", data_dir=mnist_dir).images[
        np.random.default_rng(0).permutation(60_000)[:6000]
    ]
    images = images.reshape(6000, -1)
    axes = np.linalg.svd(images[:2000] - images.mean(axis=0), full_matrices=False)[2][:16]
    latents = images @ axes.T
    sampler = LocalSampler(random_state=0).fit(latents[:5000])
    assert metrics.nn_ratio(latents[5000:], sampler.sample(2000), train=latents[:5000]) == pytest.approx(1, abs=0.05)
    assert sampler.scale_ == 1.0


def test_classes(clusters):
    train = clusters[0]
    y = np.where(train[:, 0] > 0, "right", "left")
    sampler = LocalSampler(6, scale=1.0, random_state=0).fit(train, y)
    assert sampler.classes_.tolist() == ["left", "right"]
    for label in sampler.classes_:
        drawn = sampler.sample(60_000, y=label)
        own = train[y == label]
        assert np.abs((drawn.mean(axis=0) - own.mean(axis=0)) / own.std(axis=0)).max() < 0.03
        assert drawn.var(axis=0).sum() == pytest.approx(own.var(axis=0).sum(), rel=0.02)
    mixed = np.tile(["left", "right"], 10)
    drawn = sampler.sample(20, y=mixed)
    assert (np.concatenate([sampler.sample(1, y=mixed[i], start=i) for i in range(20)]) == drawn).all()
    share = (sampler.sample(50_000)[:, 0] > 0).mean()
    assert share == pytest.approx((y == "right").mean(), abs=0.03)
    with pytest.raises(ValueError, match="y must be one of the classes seen in fit, 'left', 'right'; got 'up'"):
        sampler.sample(2, y="up")
    with pytest.raises(ValueError, match=r"y needs a sampler that was fitted with labels"):
        LocalSampler(6, scale=1.0).fit(train).sample(2, y="left")


def test_a_class_of_few(clusters, tmp_path):
    train = clusters[0][:200]
    y = [None, *["many"] * 199]
    sampler = LocalSampler(10, scale=1.0, random_state=0).fit(train, y)
    sampler.save(tmp_path / "s.safetensors")
    loaded = vicinal.load(tmp_path / "s.safetensors")
    assert (loaded.sample(3, y="many") == sampler.sample(3, y="many")).all()
    assert (loaded.sample(3, y=[None] * 3) == train[0]).all()
    assert loaded.classes_.tolist() == sampler.classes_.tolist()


def test_weights(clusters):
    train = clusters[0]
    weights = np.random.default_rng(1).exponential(size=len(train)) * (train[:, 1] > 0)
    sampler = LocalSampler(20, scale=1.0, random_state=0).fit(train, sample_weight=weights)
    drawn = sampler.sample(200_000).astype(np.float64)
    mean = np.average(train, axis=0, weights=weights)
    covariance = np.cov(train.T, aweights=weights, ddof=0)
    deviation = np.sqrt(np.diag(covariance))
    assert np.abs((drawn.mean(axis=0) - mean) / deviation).max() < 0.02
    assert np.abs((np.cov(drawn.T) - covariance) / np.outer(deviation, deviation)).max() < 0.03
    assert len(sampler.latents_) == (weights > 0).sum()
    rescaled = LocalSampler(20, scale=1.0, random_state=0).fit(train, sample_weight=4 * weights)
    assert (rescaled.sample(99) == sampler.sample(99)).all()
    ones = LocalSampler(20, scale=1.0, random_state=0).fit(train, sample_weight=np.ones(len(train)))
    plain = LocalSampler(20, scale=1.0, random_state=0).fit(train)
    assert ones.sample(99) == pytest.approx(plain.sample(99), abs=1e-5)


def test_weights_and_classes_are_saved(clusters, tmp_path):
    train = clusters[0][:300]
    sampler = LocalSampler(5, scale=1.2, shrinkage=0.5, random_state=0)
    sampler.fit(train, np.arange(300) % 3, sample_weight=1 + np.arange(300) % 2)
    sampler.save(tmp_path / "s.safetensors")
    loaded = vicinal.load(tmp_path / "s.safetensors")
    assert (loaded.sample(50, y=2) == sampler.sample(50, y=2)).all()
    assert (loaded.sample(50) == sampler.sample(50)).all()


def test_batches_are_one_array(clusters):
    train = clusters[0][:500]
    whole = LocalSampler(5, scale=1.0, random_state=0).fit(train)
    parts = LocalSampler(5, scale=1.0, random_state=0).fit(iter([train[:200], train[200:]]))
    assert (whole.sample(20) == parts.sample(20)).all()
    labelled = LocalSampler(5, scale=1.0, random_state=0).fit([(train[:200], [1] * 200), (train[200:], [0] * 300)])
    alone = LocalSampler(5, scale=1.0, random_state=0).fit(train[200:], [0] * 300)
    assert (labelled.sample(20, y=0) == alone.sample(20, y=0)).all()


def test_the_file_is_hardly_larger_than_the_latents(clusters, tmp_path):
    train = clusters[0]
    LocalSampler(16, scale=1.0).fit(train).save(tmp_path / "s.safetensors")
    assert (tmp_path / "s.safetensors").stat().st_size < train.nbytes + 3 * len(
        train
    ) + 4096  # two bytes for the row of each


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors must be an integer at least 1; got 0"),
        ({"n_neighbors": 2.5}, "n_neighbors must be an integer at least 1; got 2.5"),
        ({"n_neighbors": "some"}, "n_neighbors must be .*auto"),
        ({"n_neighbors": 61}, "n_neighbors must be at most the number of latents; got 61 for n_samples=60"),
        ({"scale": 0}, "scale must be a finite number above 0"),
        ({"scale": "wide"}, "scale must be .*auto"),
        ({"shrinkage": 1.5}, "shrinkage must be from 0 to 1; got 1.5"),
        ({"shrinkage": "x"}, "shrinkage must be a number from 0 to 1; got 'x'"),
        ({"max_iter": -1}, "max_iter must be an integer at least 0; got -1"),
        ({"novelty": 0}, "novelty must be a finite number above 0"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        LocalSampler(**options).fit(np.random.default_rng(0).normal(size=(60, 2)))


def test_there_is_no_density(clusters):
    assert not hasattr(LocalSampler(4, scale=1.0).fit(clusters[0]), "score_samples")
