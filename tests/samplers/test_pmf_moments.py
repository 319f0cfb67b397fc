"""`preserve_variance`: the mean and the variances of the training latents, and all that `PMFSampler` promises."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal import _arrays, kernels
from vicinal._errors import OutOfBoundsWarning
from vicinal.kernels import cpu, reference
from vicinal.samplers import PMFSampler, moments
from vicinal.samplers.batches import Batch
from vicinal.samplers.cell_table import Grid

BOUNDS = (-4.0, 4.0)


def make(*arguments, **options):
    """Return a sampler that keeps the moments."""
    return PMFSampler(*arguments, preserve_variance=True, **options)


def same(a, b):
    """Tell whether two fitted samplers are equal to the bit."""
    assert a._fitted_names == b._fitted_names
    for name in a._fitted_names:
        x, y = getattr(a, name), getattr(b, name)
        if isinstance(x, np.ndarray) and x.dtype != object:
            if not (x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()):
                return False
        elif not np.array_equal(x, y):
            return False
    return np.array_equal(a.sample(40, random_state=1), b.sample(40, random_state=1))


def centre_of(sampler):
    """Return mu, the mean before the map."""
    centres = sampler.lower_ + (sampler.cells_ + 0.5) * sampler.bin_width_.astype(float)
    return np.average(centres, axis=0, weights=sampler.counts_)


def test_by_hand():
    latents = np.array([[0.0], [0.0], [1.0], [4.0]])
    sampler = make(4, random_state=0).fit(latents)
    assert sampler.mean_.tolist() == [1.25]
    assert sampler.variance_ == pytest.approx([2.6875])
    spread = (2 * (0.5 - 1.5) ** 2 + (1.5 - 1.5) ** 2 + (3.5 - 1.5) ** 2) / 4 + 1 / 12
    assert centre_of(sampler).tolist() == [1.5]
    assert sampler.shrinkage_ == pytest.approx([np.sqrt(2.6875 / spread)])
    r, plain = sampler.shrinkage_[0], PMFSampler(4, random_state=0).fit(latents).sample(50)
    assert np.allclose(sampler.sample(50), 1.25 + r * (plain - 1.5), rtol=0, atol=1e-12)
    inside = 1.25 + r * (np.array([[0.2], [1.9], [2.5], [3.1]]) - 1.5)
    expected = np.array([2, 1, 0, 1]) / 4 / r
    assert np.exp(sampler.score_samples(inside)) == pytest.approx(expected)
    ends = 1.25 + r * (np.array([[0.0], [4.0]]) - 1.5)
    outwards = np.array([[-1e-9], [1e-9]])
    assert (sampler.score_samples(ends + outwards) == -np.inf).all()
    assert np.isfinite(sampler.score_samples(ends - outwards)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_bins", [1, 2, 5, 12])
def test_mean_and_variance_of_samples(n_bins, dtype):
    generator = np.random.default_rng(0)
    columns = [generator.normal(3, 2, 2000), generator.exponential(size=2000), generator.random(2000) + 1e3]
    columns += [np.where(generator.random(2000) < 0.3, -5.0, 5.0) + generator.normal(size=2000)]
    latents = np.stack(columns, axis=1).astype(dtype)
    drawn = make(n_bins, random_state=0).fit(latents).sample(200_000).astype(float)
    mean, variance = latents.mean(axis=0, dtype=float), latents.var(axis=0, dtype=float)
    error = np.sqrt(variance / 200_000)
    assert (np.abs(drawn.mean(axis=0) - mean) < 4 * error).all()
    fourth = ((drawn - drawn.mean(axis=0)) ** 4).mean(axis=0)
    error = np.sqrt((fourth - variance**2) / 200_000)
    assert (np.abs(drawn.var(axis=0) - variance) < 4 * error).all()
    plain = PMFSampler(n_bins, random_state=0).fit(latents).sample(200_000).astype(float)
    assert plain[:, 0].var() > variance[0] + 8 * error[0]


def test_the_attributes_are_the_moments(latents):
    sampler = make(8).fit(latents)
    assert sampler.mean_ == pytest.approx(latents.mean(axis=0, dtype=float), abs=1e-8)
    assert sampler.variance_ == pytest.approx(latents.var(axis=0, dtype=float), rel=1e-8)
    assert {array.dtype for array in (sampler.mean_, sampler.variance_, sampler.shrinkage_)} == {np.dtype(float)}
    assert not hasattr(sampler.set_params(preserve_variance=False).fit(latents), "mean_")


def test_moments_of_weighted_latents():
    generator = np.random.default_rng(0)
    latents, weights = generator.normal(size=(500, 3)), generator.integers(0, 2**40, 500)
    for factor in (1, 0.37):
        sampler = make(6, random_state=0).fit(latents, sample_weight=weights * factor)
        mean = np.average(latents, axis=0, weights=weights)
        variance = np.average((latents - mean) ** 2, axis=0, weights=weights)
        assert sampler.mean_ == pytest.approx(mean, abs=1e-7)
        assert sampler.variance_ == pytest.approx(variance, rel=1e-7)
        drawn = sampler.sample(200_000)
        assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.01)
        assert drawn.var(axis=0) == pytest.approx(variance, rel=0.02)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), bits=st.integers(0, 62), rows=st.sampled_from([1, 5, 8192, 8193, 30_000]))
def test_sums_are_exact(seed, bits, rows):
    generator = np.random.default_rng(seed)
    number = generator.integers(0, 2**30, size=(rows, 2), endpoint=True)
    number[:, 0] = 2**30 - seed % 2
    masses = generator.integers(2**bits // 2, 2**bits, size=rows)
    masses[seed % 7 :] |= 2**bits - 1
    for given_masses, exact in ((None, [1] * rows), (masses, masses.tolist())):
        sums = moments.sums_of(number, lambda part: part.astype(float), given_masses)
        expected = [
            [sum(m * q**power for m, q in zip(exact, column, strict=True)) for column in number.T.tolist()]
            for power in (1, 2)
        ]
        assert sums.tolist() == expected
        if all(value < 2**126 for row in expected for value in row):
            assert moments.unpacked(moments.packed(sums)).tolist() == expected


def test_sums_of_a_trillion_rows_do_not_overflow():
    masses = np.full(3, 2**40)
    sums = moments.sums_of(np.full((3, 1), 2.0**30), lambda part: part, masses)
    assert sums.tolist() == [[3 * 2**70], [3 * 2**100]]
    rows = np.array([[0.0], [0.25], [1.0]])
    weighted = make(4).fit(rows, sample_weight=masses)
    assert same(weighted.merge(weighted), make(4).fit(rows, sample_weight=2 * masses)) is False  # twice the rows seen
    assert weighted.merge(weighted).variance_ == weighted.variance_ == make(4).fit(rows).variance_


@st.composite
def rows_and_cuts(draw):
    """Draw rows, labels, weights, an order, and places to cut at."""
    n = draw(st.integers(4, 40))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    rows = np.clip(generator.normal(size=(n, 3)), -4, 4).astype(draw(st.sampled_from([np.float32, np.float64])))
    order = generator.permutation(n)
    cuts = sorted(draw(st.sets(st.integers(1, n - 1), max_size=4)))
    return rows, generator.integers(0, 3, n), generator.integers(0, 2 ** draw(st.integers(1, 45)), n), order, cuts


@settings(deadline=None, max_examples=60)
@given(rows_and_cuts(), st.integers(1, 40))
def test_any_batches_in_any_order(data, n_bins):
    rows, _, _, order, cuts = data
    whole = make(n_bins).fit(rows)
    assert same(make(n_bins).fit(rows[order]), whole)
    assert same(make(n_bins).fit(np.split(rows[order], cuts)), whole)


@settings(deadline=None, max_examples=60)
@given(rows_and_cuts(), st.integers(1, 40), st.booleans(), st.booleans(), st.sampled_from([1, 2]))
def test_partial_fits_and_merges_equal_one_fit(data, n_bins, labelled, weighted, min_count):
    rows, labels, weights, order, cuts = data
    weights = weights + 2  # so that each part has weight
    options = {"n_bins": n_bins, "bounds": BOUNDS, "min_count": min_count}

    def arguments(part):
        return (
            (rows[part], labels[part] if labelled else None),
            {"sample_weight": weights[part] if weighted else None},
        )

    parts = np.split(order, cuts)
    if min(map(len, parts)) < 2:  # a first fit takes two rows
        parts = [order]
    try:
        whole = make(**options).fit(*arguments(slice(None))[0], **arguments(slice(None))[1])
        partial = make(**options)
        for part in parts:
            partial.partial_fit(*arguments(part)[0], **arguments(part)[1])
        samplers = [make(**options).fit(*arguments(part)[0], **arguments(part)[1]) for part in parts]
    except ValueError as error:
        assert "leaves no cell" in str(error)
        return
    assert same(partial, whole)
    forwards, backwards = samplers[0], samplers[-1]
    for sampler in samplers[1:]:
        forwards = forwards.merge(sampler)
    for sampler in samplers[-2::-1]:
        backwards = backwards.merge(sampler)
    assert same(forwards, whole)
    assert same(backwards, whole)


def test_whole_weights_are_repetitions():
    generator = np.random.default_rng(0)
    rows, weights = generator.normal(size=(60, 3)), generator.integers(0, 5, 60)
    bounds = PMFSampler.bounds_of(rows)
    weighted = make(5, bounds=bounds).fit(rows, sample_weight=weights)
    repeated = make(5, bounds=bounds).fit(np.repeat(rows, weights, axis=0))
    for name in ("mean_", "variance_", "shrinkage_", "_map", "_sums", "cells_", "counts_"):
        assert getattr(weighted, name).tobytes() == getattr(repeated, name).tobytes()


def test_chunks_of_an_array_change_nothing(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float16)
    whole = make(6).fit(rows)
    monkeypatch.setattr("vicinal.samplers.batches._CHUNK", 100)
    monkeypatch.setattr(moments, "_VALUES", 60)
    assert same(make(6).fit(rows), whole)


def test_auto_does_not_depend_on_the_batches():
    rows = np.random.default_rng(0).normal(size=(900, 3)).astype(np.float32)
    whole = make().fit(rows)
    shuffled = np.random.default_rng(1).permutation(rows)
    assert same(make().fit(np.array_split(shuffled, 7)), whole)


@pytest.mark.parametrize("weighted", [False, True])
def test_auto_looks_at_the_samples_as_they_are(weighted):
    generator = np.random.default_rng(0)
    rows = (generator.normal(size=(4000, 24)) * 0.9 ** np.arange(24)).astype(np.float32)
    weights = np.arange(3000) % 3 if weighted else None
    train, fresh = rows[:3000], rows[3000:]
    sampler = make(novelty=0.6, random_state=0).fit(train, sample_weight=weights)
    reached = vicinal.metrics.nn_ratio(fresh, sampler.sample(2000), train=train)
    assert reached == pytest.approx(0.6, abs=0.05)
    assert sampler.nn_ratio_ == pytest.approx(reached, abs=0.03)
    plain = PMFSampler(novelty=0.6, random_state=0).fit(train)
    assert sampler.n_bins_ < plain.n_bins_  # cells that are shrunken may be wider


def test_saved_loaded_and_added_to(latents, tmp_path):
    latents = np.clip(latents, -4, 4).reshape(300, 5, 1)
    labels = np.arange(300) % 3
    whole = make(6, bounds=BOUNDS, random_state=0).fit(latents, labels)
    first = make(6, bounds=BOUNDS, random_state=0).fit(latents[:200], labels[:200])
    first.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert loaded.preserve_variance is True
    assert same(loaded, first)
    assert same(pickle.loads(pickle.dumps(first)), first)  # noqa: S301
    assert same(vicinal.load(tmp_path / "s").partial_fit(latents[200:], labels[200:]), whole)
    rest = make(6, bounds=BOUNDS, random_state=0).fit(latents[200:], labels[200:])
    assert same(rest.merge(vicinal.load(tmp_path / "s")), whole)


def test_what_rare_cells_leave_behind(tmp_path):
    latents = np.repeat([[0.0], [1.0], [2.0], [3.0]], [1, 2, 30, 40], axis=0)
    sampler = make(4, min_count=3, random_state=0).fit(latents)
    assert sampler.cells_.ravel().tolist() == [2, 3]
    assert sampler.mean_ == pytest.approx(latents.mean(axis=0))
    drawn = sampler.sample(200_000)
    assert drawn.mean() == pytest.approx(latents.mean(), abs=0.01)
    assert drawn.var() == pytest.approx(latents.var(), rel=0.01)
    assert not hasattr(sampler, "_sums")
    sampler.save(tmp_path / "s")
    assert same(vicinal.load(tmp_path / "s"), sampler)
    with pytest.raises(ValueError, match="a loaded sampler with min_count=3 cannot be added to"):
        vicinal.load(tmp_path / "s").partial_fit([[0.0], [1.0]])
    assert sampler.partial_fit([[0.0], [1.0]]).cells_.ravel().tolist() == [1, 2, 3]
    assert sampler.mean_ == pytest.approx([np.append(latents, [0.0, 1.0]).mean()])


def test_only_alike_samplers_go_together(latents):
    options = {"n_bins": 4, "bounds": (-9, 9)}
    keeping, plain = make(**options).fit(latents), PMFSampler(**options).fit(latents)
    for a, b in ((keeping, plain), (plain, keeping)):
        with pytest.raises(ValueError, match="must have one preserve_variance; got"):
            a.merge(b)
    plain.set_params(preserve_variance=True)
    for add in (lambda: plain.partial_fit(latents), lambda: plain.merge(keeping), lambda: keeping.merge(plain)):
        with pytest.raises(ValueError, match="preserve_variance was False in fit and is True now"):
            add()
    keeping.set_params(preserve_variance=False)
    with pytest.raises(ValueError, match="preserve_variance was True in fit and is False now"):
        keeping.partial_fit(latents)
    for bad in (1, "yes", None):
        with pytest.raises(TypeError, match="preserve_variance must be True or False; got"):
            PMFSampler(4, preserve_variance=bad).fit(latents)


def test_classes_and_temperatures_share_the_map():
    labels = np.arange(400) % 2
    latents = np.random.default_rng(0).normal(size=(400, 3)) + 6.0 * labels[:, None]
    plain, kept = (PMFSampler(6, random_state=0, preserve_variance=p).fit(latents, labels) for p in (False, True))
    columns = kept._map
    for options in ({"y": 0}, {"y": labels}, {"temperature": 2.0}, {"y": 1, "temperature": 0.5}):
        expected = moments.forward(plain.sample(400, **options), columns)
        assert np.abs(kept.sample(400, **options) - expected).max() < 1e-12
        assert np.isfinite(kept.score_samples(kept.sample(400, **options))).all()
    assert np.array_equal(kept.sample(300, y=1)[100:], kept.sample(200, y=1, start=100))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_dimensions_come_back(dtype):
    latents = np.random.default_rng(0).normal(size=(80, 4)).astype(dtype)
    latents[:, [0, 2]] = [7.1, -0.1]
    sampler = make(8, random_state=0).fit(latents)
    assert sampler.shrinkage_[[0, 2]].tolist() == [1.0, 1.0]
    assert (sampler.shrinkage_[[1, 3]] < 1).all()
    assert sampler.variance_[[0, 2]].tolist() == [0.0, 0.0]
    drawn = sampler.sample(1000)
    assert (drawn[:, [0, 2]] == latents[0, [0, 2]]).all()
    assert np.isfinite(sampler.score_samples(drawn)).all()
    drawn[:, 2] = np.nextafter(drawn[:, 2], dtype(0))
    assert (sampler.score_samples(drawn) == -np.inf).all()
    assert (make(4).fit(np.full((5, 3), 2.5)).sample(4) == 2.5).all()


def test_alike_within_wider_bounds():
    for dtype in (np.float32, np.float64):
        latents = np.stack([np.full(50, 0.3), np.zeros(50)], axis=1).astype(dtype)
        sampler = make(8, bounds=BOUNDS, random_state=0).fit(latents)
        drawn = sampler.sample(500)
        assert np.abs(drawn - latents[0]).max() < 500 * np.finfo(dtype).eps + 2**-26
        assert np.isfinite(sampler.score_samples(drawn)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_cells_are_told_apart_however_near_their_latents(dtype):
    latents = np.array([[np.nextafter(dtype(1), dtype(0))], [1.0]] * 20, dtype=dtype)
    sampler, plain = make(8, bounds=(0, 8), random_state=0), PMFSampler(8, bounds=(0, 8), random_state=0)
    drawn = sampler.fit(latents).sample(500)
    assert sampler.cells_.tolist() == [[0], [1]]
    assert np.abs(drawn - 1).max() < max(100 * np.finfo(dtype).eps, 1e-8)  # what the floats, and the sums, can tell
    there = moments.backward(drawn, sampler._map)
    assert np.array_equal(np.floor(there), np.floor(plain.fit(latents).sample(500)))
    assert np.isfinite(sampler.score_samples(drawn)).all()


def test_factors_do_not_underflow():
    latents = np.zeros((50, 1), dtype=np.float32)
    sampler = make(8, bounds=(-1e30, 1e30), random_state=0).fit(latents)
    assert sampler.shrinkage_[0] > 0
    assert np.isfinite(sampler.score_samples(sampler.sample(50))).all()


def test_cells_as_narrow_as_the_precision_are_left_alone():
    latents = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    sampler = make(2**20, random_state=0).fit(latents)
    assert sampler.shrinkage_.tolist() == [1.0] * 3
    assert np.array_equal(sampler.sample(50), PMFSampler(2**20, random_state=0).fit(latents).sample(50))


def test_ranges_without_squares_in_float64():
    latents = np.random.default_rng(0).normal(size=(100, 2)) * [1e200, 1e-200]
    sampler = make(4, random_state=0).fit(latents)
    assert sampler.variance_.tolist() == [np.inf, 0.0]
    drawn = sampler.sample(50_000) / [1e200, 1e-200]
    assert drawn.var(axis=0) == pytest.approx((latents / [1e200, 1e-200]).var(axis=0), rel=0.02)
    assert np.isfinite(sampler.score_samples(drawn * [1e200, 1e-200])).mean() > 0.999


def test_clipped_latents_count_at_their_bound():
    rows = np.array([[0.5], [2.0], [-3.0], [0.25]])
    with pytest.warns(OutOfBoundsWarning):
        sampler = make(2, bounds=(0.0, 1.0), out_of_bounds="clip").fit(rows)
    assert sampler.mean_ == pytest.approx(np.clip(rows, 0, 1).mean(axis=0))
    assert sampler.variance_ == pytest.approx(np.clip(rows, 0, 1).var(axis=0))


@settings(deadline=None, max_examples=150)
@given(
    n=st.integers(2, 30),
    d=st.integers(1, 5),
    n_bins=st.sampled_from([1, 2, 3, 7, 8, 16, 100, 300, 5000, 70_000, 2**22]),
    offset=st.sampled_from([0.0, 1.0, -3.7, 1e3, 1e6, -1e9]),
    scale=st.sampled_from([1.0, 1e-3, 1e-7, 1e-30, 1e4]),
    dtype=st.sampled_from([np.float32, np.float64]),
    wider=st.sampled_from([0.0, 0.1, 30.0, 1e6]),
    seed=st.integers(0, 1000),
)
def test_own_samples_have_density(n, d, n_bins, offset, scale, dtype, wider, seed):
    latents = (offset + scale * np.random.default_rng(seed).standard_t(2, size=(n, d))).astype(dtype)
    bounds = None
    if wider:
        lower, upper = latents.min(axis=0).astype(float), latents.max(axis=0).astype(float)
        bounds = (lower - wider * scale, upper + wider * scale)
    sampler = make(n_bins, bounds=bounds, random_state=0).fit(latents)
    drawn = sampler.sample(400)
    assert drawn.dtype == dtype
    assert np.isfinite(drawn).all()
    plain = PMFSampler(n_bins, bounds=bounds, random_state=0).fit(latents)
    usual = np.isfinite(plain.score_samples(plain.sample(400)))  # but where a bin is as narrow as a step of the floats
    assert np.isfinite(sampler.score_samples(drawn))[usual].all()
    steps = np.spacing(np.maximum(np.abs(sampler.lower_), np.abs(sampler.upper_)))
    assert usual.all() or (sampler.bin_width_ < 4 * steps)[sampler.bin_width_ > 0].any()
    assert np.array_equal(sampler.sample(7, start=50), drawn[50:57])


def test_strayed_samples_are_put_into_the_middle():
    """Where a cell is few roundings wide, many samples would be said to come from another cell."""
    latents = (1e6 + np.random.default_rng(0).integers(0, 50, size=(40, 3))).astype(np.float32)
    sampler = make(8, random_state=0).fit(latents)
    assert (sampler.shrinkage_ != 1).all()
    grid = sampler._grid()
    plain = PMFSampler(8, random_state=0).fit(latents).sample(20_000)
    there = moments.backward(sampler.sample(20_000), sampler._map)
    assert np.array_equal(grid.codes(there), grid.codes(plain))
    naive = moments.backward(moments.forward(plain, sampler._map), sampler._map)
    assert not np.array_equal(grid.codes(naive), grid.codes(plain))  # else this test shows nothing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_density_integrates_to_one(dtype):
    generator = np.random.default_rng(0)
    latents = np.stack([generator.normal(size=60), np.full(60, 3.3), generator.exponential(size=60)], axis=1)
    sampler = make(5, random_state=0).fit(latents.astype(dtype))
    steps = (np.arange(5 * 4) + 0.5) / 4
    points = np.stack(np.meshgrid(steps, [0.0], steps), axis=-1).reshape(-1, 3) * sampler.bin_width_ + sampler.lower_
    points = np.where(
        sampler.bin_width_ > 0, sampler.mean_ + sampler.shrinkage_ * (points - centre_of(sampler)), sampler.lower_
    ).astype(dtype)
    area = np.prod((sampler.shrinkage_ * sampler.bin_width_)[[0, 2]]) / 16
    assert np.exp(sampler.score_samples(points)).sum() * area == pytest.approx(1.0, rel=1e-5)
    beyond = points.copy()
    beyond[:, 0] += 1e3
    assert (sampler.score_samples(beyond) == -np.inf).all()
    beyond[:, 0] = np.finfo(dtype).max
    assert (sampler.score_samples(beyond) == -np.inf).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n_bins", [1, 16, 300, 70_000])
def test_backends_agree(monkeypatch, dtype, n_bins):
    latents = np.random.default_rng(0).normal(size=(60, 3)).astype(dtype)
    results = []
    for module in (reference, cpu):
        monkeypatch.setattr(kernels, "select", lambda rows=None, module=module: module)
        sampler = make(n_bins, random_state=5).fit(latents)
        drawn = sampler.sample(100)
        fitted = [getattr(sampler, name) for name in ("_map", "mean_", "variance_", "cells_", "counts_")]
        results.append([array.tobytes() for array in (*fitted, drawn, sampler.score_samples(drawn))])
    assert results[0] == results[1]


@pytest.mark.parametrize("n_bins", [1, 8, 300, 70_000, "auto"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_accelerators_give_the_bits_of_the_cpu(latents, n_bins, dtype, monkeypatch):
    torch = pytest.importorskip("torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    monkeypatch.setattr(_arrays, "ACCELERATORS", (device,))
    latents = latents.astype(dtype)
    expected = make(n_bins, random_state=3).fit(latents)
    sampler = make(n_bins, random_state=3).fit(torch.from_numpy(latents).to(device))
    for name in ("_map", "mean_", "variance_", "shrinkage_", "_sums", "cells_", "counts_"):
        assert getattr(sampler, name).tobytes() == getattr(expected, name).tobytes()
    for options in ({}, {"start": 2**40}, {"temperature": 2.0}):
        drawn = sampler.sample(200, **options)
        assert drawn.device.type == device
        assert drawn.cpu().numpy().tobytes() == expected.sample(200, **options).tobytes()
    scores = sampler.score_samples(torch.from_numpy(latents).to(device))
    assert scores.cpu().numpy().tobytes() == expected.score_samples(latents).tobytes()


def test_strayed_samples_on_an_accelerator(monkeypatch):
    torch = pytest.importorskip("torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    monkeypatch.setattr(_arrays, "ACCELERATORS", (device,))
    latents = (1e6 + np.random.default_rng(0).integers(0, 50, size=(40, 3))).astype(np.float32)
    expected = make(8, random_state=0).fit(latents).sample(5000)
    drawn = make(8, random_state=0).fit(torch.from_numpy(latents).to(device)).sample(5000)
    assert drawn.cpu().numpy().tobytes() == expected.tobytes()


def test_latents_are_read_as_often_as_without(latents):
    class Counted(list):
        passes = 0

        def __iter__(self):
            self.passes += 1
            return super().__iter__()

    passes = []
    for option in (False, True):
        batches = Counted([latents[:100], latents[100:]])
        PMFSampler(8, preserve_variance=option).fit(batches)
        passes.append(batches.passes)
    assert passes[0] == passes[1]


def test_rows_without_weight_count_for_nothing():
    grid = Grid.over(np.zeros(1), np.ones(1), 4)
    rows = np.array([[0.0], [0.5], [1.0]])
    sums = moments.latent_sums(Batch(rows, masses=np.array([0, 3, 0])), grid)
    assert sums.tolist() == [[3 * 2**29], [3 * 2**58]]
