"""A fit through files: the same latents, the same law, the same bits whatever the batches, and little memory."""

import copy
import tracemalloc

import numpy as np
import pytest

import vicinal
from vicinal import LocalSampler, metrics
from vicinal._errors import InvalidInputError
from vicinal.samplers.local.beyond_memory import Plan
from vicinal.samplers.local.router import Router
from vicinal.samplers.probes import Probes

FEW_BYTES = "1MB"


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(6, 4)) * 4
    return (centres[generator.integers(6, size=24_000)] + generator.normal(size=(24_000, 4))).astype(np.float32)


def fitted(X, y=None, n_neighbors=20, **options):
    return LocalSampler(n_neighbors, scale=1.0, max_memory=FEW_BYTES, random_state=0).fit(X, y, **options)


def test_the_leaf_of_a_latent_depends_on_its_values_alone(rows):
    router = Router.of(Probes.of(rows), 16)
    leaves = router.leaf_of(rows)
    order = np.random.default_rng(1).permutation(len(rows))
    assert np.array_equal(Router.of(Probes.of(rows[order]), 16).leaf_of(rows), leaves)
    assert np.array_equal(np.concatenate([router.leaf_of(part) for part in np.array_split(rows, 501)]), leaves)
    assert np.bincount(leaves, minlength=16).min() > len(rows) / 32


def test_each_latent_is_kept_once_and_neighbourhoods_are_near(rows):
    sampler = fitted(rows)
    assert isinstance(sampler.latents_, np.memmap)
    assert np.array_equal(np.sort(sampler.rows_), np.arange(len(rows)))
    assert np.array_equal(rows[sampler.rows_], sampler.latents_)
    assert sampler.variance_ratio_ == 1.0
    in_memory = LocalSampler(20, scale=1.0).fit(rows)
    assert len(sampler.neighborhood_starts_) == pytest.approx(len(in_memory.neighborhood_starts_), rel=0.05)

    def within(found):
        parts = np.split(found.latents_, found.neighborhood_starts_[1:-1])
        return sum(float(np.square(part - part.mean(axis=0)).sum()) for part in parts)

    assert within(sampler) < 1.05 * within(in_memory)


@pytest.mark.parametrize("labelled", [False, True])
def test_the_bits_do_not_depend_on_the_batches(rows, labelled):
    y = (rows[:, 0] > 0).astype(int) if labelled else None
    whole = fitted(rows, y)
    for n_parts in (3, 40):
        parts = np.array_split(rows, n_parts)
        batches = list(zip(parts, np.array_split(y, n_parts), strict=True)) if labelled else iter(parts)
        streamed = fitted(batches)
        assert np.array_equal(streamed.latents_, whole.latents_)
        assert np.array_equal(streamed.neighborhood_starts_, whole.neighborhood_starts_)
        assert np.array_equal(streamed.sample(50), whole.sample(50))


def test_classes_and_weights(rows):
    y = np.array(["b", "a", "c"])[np.arange(len(rows)) % 3]
    weights = np.arange(len(rows)) % 4  # a quarter has no weight
    sampler = fitted(rows, y, sample_weight=weights)
    assert sampler.classes_.tolist() == ["a", "b", "c"]
    for k, label in enumerate(sampler.classes_):
        part = slice(*sampler.class_starts_[k : k + 2])
        assert np.array_equal(np.sort(sampler.rows_[part]), np.flatnonzero((y == label) & (weights > 0)))
        assert np.array_equal(weights[sampler.rows_[part]], sampler.weights_[part])
        assert set(sampler.class_starts_) <= set(sampler.neighborhood_starts_)
    means = [np.average(rows[y == label], axis=0, weights=weights[y == label]) for label in "abc"]
    for label, mean in zip("abc", means, strict=True):
        np.testing.assert_allclose(sampler.sample(20_000, y=label).mean(axis=0), mean, atol=0.15)


def test_the_calibration_by_some_leaves_holds_for_all(rows):
    generator = np.random.default_rng(3)
    train, fresh = rows[:20_000], rows[20_000:]
    sampler = LocalSampler(max_memory=FEW_BYTES, random_state=0).fit(train)
    assert sampler.nn_ratio_ == pytest.approx(1.0, abs=0.05)
    assert metrics.nn_ratio(fresh, sampler.sample(4000), train=train) == pytest.approx(1.0, abs=0.08)
    by_held_out = LocalSampler(max_memory=FEW_BYTES).fit(train, calibration_latents=generator.permutation(fresh))
    assert by_held_out.nn_ratio_ == pytest.approx(1.0, abs=0.08)


def test_a_saved_and_a_copied_sampler_hold_their_latents(rows, tmp_path):
    sampler = fitted(rows[:4000])
    sampler.save(tmp_path / "s.safetensors")
    for other in (vicinal.load(tmp_path / "s.safetensors"), copy.deepcopy(sampler)):
        assert np.array_equal(other.sample(30), sampler.sample(30))


def test_little_memory_is_taken(tmp_path):
    """256 MiB of latents are fitted with a peak below 100 MiB."""
    path = tmp_path / "z.npy"
    np.save(path, np.tile(np.random.default_rng(0).normal(size=(1 << 16, 64)).astype(np.float32), (16, 1)))
    mapped = np.load(path, mmap_mode="r")
    options = {"scale": 1.0, "max_iter": 0}
    LocalSampler(50, max_memory="100kB", **options).fit(mapped[:20_000])  # compiles
    tracemalloc.start()
    sampler = LocalSampler(50, max_memory="80MB", **options).fit([path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sampler.variance_ratio_ == 1.0
    assert peak < 100 << 20


def test_plans():
    assert Plan.of(1000, 64, 10**9).n_leaves == 1
    assert Plan.of(200_000_000, 64, 6 * 10**9).n_leaves == 128
    for n_rows, memory in ((10**6, 10**8), (10**7, 10**8), (10**7, 10**6)):
        plan = Plan.of(n_rows, 64, memory)
        assert plan.n_leaves & (plan.n_leaves - 1) == 0
        assert 1 <= plan.n_calibrating <= plan.n_leaves


@pytest.mark.parametrize("max_memory", ["lots", "-1GB", "0.5B", 0])
def test_what_is_no_size_is_refused(rows, max_memory):
    with pytest.raises(InvalidInputError, match="max_memory must be"):
        LocalSampler(max_memory=max_memory).fit(rows[:100])
