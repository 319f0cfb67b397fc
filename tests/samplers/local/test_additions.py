"""Latents that are added to a fit: kept once, near neighbourhoods untouched, the law close to that of one fit."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal import LocalSampler, metrics
from vicinal._errors import InvalidInputError, InvalidTypeError

K, SEEDS = 10, st.integers(0, 99)


def clusters(n, seed=0, d=3):
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(5, d)) * 5
    return centres[generator.integers(5, size=n)] + generator.normal(size=(n, d))


def fitted(X, *options, **more):
    return LocalSampler(K, scale=1.0, random_state=0).fit(X, *options, **more)


def same(a, b):
    names = ("latents_", "rows_", "neighborhood_starts_", "weights_", "class_starts_", "variance_ratio_")
    return all(np.array_equal(getattr(a, name, None), getattr(b, name, None)) for name in names) and np.array_equal(
        a.sample(50), b.sample(50)
    )


def parts_of(sampler):
    return np.split(sampler.rows_, sampler.neighborhood_starts_[1:-1])


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(2, 300),
    m=st.integers(1, 300),
    labelled=st.booleans(),
    weighted=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_latent_is_kept_once_with_its_row_class_and_weight(n, m, labelled, weighted, seed):
    generator = np.random.default_rng(seed)
    rows, y, w = clusters(n + m, seed), generator.integers(0, 3, n + m), generator.integers(1, 4, n + m)
    options = [
        {"y": y[some] if labelled else None, "sample_weight": w[some] if weighted else None}
        for some in (slice(n), slice(n, None))
    ]
    sampler = LocalSampler(min(K, n), scale=1.0).partial_fit(rows[:n], **options[0]).partial_fit(rows[n:], **options[1])
    assert np.array_equal(np.sort(sampler.rows_), np.arange(n + m))
    assert np.array_equal(sampler.latents_, rows[sampler.rows_])
    sizes = np.diff(sampler.neighborhood_starts_)
    assert sizes.min() >= 1
    assert sizes.sum() == n + m
    assert sampler.variance_ratio_ == 1.0
    if weighted:
        assert np.array_equal(sampler.weights_, w[sampler.rows_])
    if labelled:
        classes = np.repeat(sampler.classes_, np.diff(sampler.class_starts_))
        assert np.array_equal(classes, y[sampler.rows_])
        assert set(sampler.class_starts_) <= set(sampler.neighborhood_starts_)  # no neighbourhood has two classes


def test_neighbourhoods_far_away_keep_their_bits():
    rows = clusters(500)
    before = fitted(rows)
    after = copy.deepcopy(before).partial_fit(rows[:3] + 0.01)
    old, new = ({part.tobytes() for part in parts_of(each)} for each in (before, after))
    assert len(old - new) <= 3


def test_a_latent_goes_to_the_nearest_mean():
    sampler = LocalSampler(2, scale=1.0, max_iter=0).fit([[0.0], [1.0], [10.0], [11.0]]).partial_fit([[6.0]])
    assert sorted(sorted(part.tolist()) for part in parts_of(sampler)) == [[0, 1], [2, 3, 4]]


def test_large_neighbourhoods_are_cut():
    sampler = fitted(clusters(200))
    for seed in range(1, 8):
        sampler.partial_fit(clusters(200, seed))
        sizes = np.diff(sampler.neighborhood_starts_)
        assert sizes.max() < 3 * K
        assert sizes.mean() < 2 * K


def test_the_law_is_close_to_that_of_one_fit():
    rows, fresh = clusters(8000), clusters(4000, 7)
    added = LocalSampler(random_state=0).fit(rows[:4000])
    for part in np.array_split(rows[4000:], 8):
        added.partial_fit(part)
    samples = added.sample(4000)
    assert np.allclose(samples.mean(axis=0), rows.mean(axis=0), atol=0.2)
    assert np.allclose(np.cov(samples.T), np.cov(rows.T), rtol=0.1, atol=0.5)
    assert metrics.nn_ratio(fresh, samples, train=rows) == pytest.approx(1.0, abs=0.1)
    assert metrics.c2st_auc(fresh, samples).value < 0.54


def test_merging_is_adding_the_rows_of_the_other_in_order():
    rows, y = clusters(400), np.arange(400) % 2
    first, second = fitted(rows[:200], y[:200]), fitted(rows[200:], y[200:])
    merged = first.merge(second)
    assert same(merged, copy.deepcopy(first).partial_fit(rows[200:], y[200:]))
    assert same(first, fitted(rows[:200], y[:200]))  # neither is changed
    assert same(second, fitted(rows[200:], y[200:]))


def test_a_first_call_is_a_fit():
    rows = clusters(100)
    assert same(LocalSampler(K, scale=1.0, random_state=0).partial_fit(rows), fitted(rows))


def test_a_new_class_is_cut_as_in_a_fit():
    rows = clusters(120)
    sampler = fitted(rows[:60], ["a"] * 60).partial_fit(rows[60:], ["b"] * 60)
    alone = fitted(rows[60:])
    first, last = sampler.class_starts_[1:]
    assert sampler.classes_.tolist() == ["a", "b"]
    assert np.array_equal(sampler.latents_[first:last], alone.latents_)
    assert np.array_equal(sampler.rows_[first:last], alone.rows_ + 60)


def test_whole_numbers_stay_within_the_range_of_all():
    counts = np.random.default_rng(0).poisson(5.0, (300, 2))
    sampler = fitted(counts).partial_fit([[0, 90]] * 30)
    drawn = sampler.sample(2000)
    assert drawn.dtype == counts.dtype
    assert drawn[:, 1].max() == 90


def test_latents_in_files_stay_in_files(tmp_path):
    rows = clusters(20_000).astype(np.float32)
    sampler = LocalSampler(K, scale=1.0, max_memory="1MB", random_state=0).fit(rows)
    sampler.partial_fit(rows[:100] + 0.5)
    assert isinstance(sampler.latents_, np.memmap)
    assert len(sampler.latents_) == 20_100
    sampler.save(tmp_path / "sampler")
    assert same(vicinal.load(tmp_path / "sampler").partial_fit(rows[:9]), sampler.partial_fit(rows[:9]))


def test_batches_and_other_types_are_taken():
    rows = clusters(60).astype(np.float32)
    batched = fitted(rows).partial_fit(iter([rows[:5], rows[5:9]]))
    assert same(batched, fitted(rows).partial_fit(rows[:9]))
    assert fitted(rows).partial_fit(rows[:9].astype(np.float64)).latents_.dtype == np.float32


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([[1.0, 2.0]], {}, r"latents must have shape \(n_samples, 3\)"),
        (np.full((2, 3), np.nan), {}, "must be finite"),
        (np.ones((2, 3)), {"y": [0, 1]}, "labels, or all without"),
        (np.ones((2, 3)), {"sample_weight": [0.5, 1.0]}, "sample_weight must be whole in partial_fit"),
    ],
)
def test_what_does_not_go_together_changes_nothing(X, options, message):
    sampler = fitted(clusters(50))
    with pytest.raises(InvalidInputError, match=message):
        sampler.partial_fit(X, **options)
    assert same(sampler, fitted(clusters(50)))


def test_samplers_that_do_not_go_together():
    sampler = fitted(clusters(50))
    with pytest.raises(InvalidTypeError, match="other must be a LocalSampler; got int"):
        sampler.merge(3)
    with pytest.raises(InvalidInputError, match="one shape and type"):
        sampler.merge(fitted(clusters(50, d=2)))
    fractional = fitted(clusters(50), sample_weight=np.linspace(0.1, 1.0, 50))
    with pytest.raises(InvalidInputError, match="fractional weights cannot be added to"):
        fractional.partial_fit(clusters(5))
