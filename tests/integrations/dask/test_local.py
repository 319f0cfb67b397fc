"""A LocalSampler on dask: the same bits as in memory or through files, whatever the chunks and the workers."""

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="dask is not installed")

from dask import array, delayed

import vicinal
from vicinal import LocalSampler, PMFSampler
from vicinal._errors import CalibrationWarning, FileFormatError, InvalidInputError, InvalidTypeError
from vicinal.integrations import dask as on_dask

NAMES = ("latents_", "rows_", "neighborhood_starts_", "weights_", "classes_", "class_starts_", "n_neighbors_", "scale_")
FILES = "1MB"  # so that a fit goes through leaves


def clusters(n, seed=0, d=4):
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(6, d)) * 4
    return (centres[generator.integers(6, size=n)] + generator.normal(size=(n, d))).astype(np.float32)


def assert_same(a, b):
    for name in NAMES:
        assert np.array_equal(getattr(a, name, None), getattr(b, name, None)), name
    assert a.variance_ratio_ == pytest.approx(b.variance_ratio_)
    assert np.array_equal(a.sample(300), b.sample(300))
    assert (a.dtype_, a.event_shape_) == (b.dtype_, b.event_shape_)


def local(**options):
    return LocalSampler(20, **{"scale": 1.0, "random_state": 0} | options)


@pytest.mark.parametrize("max_memory", [None, FILES])
@pytest.mark.parametrize("chunks", [1000, 7000, (1, 4999, 15_000)])
def test_any_chunks_give_the_fit_in_memory_or_through_files(chunks, max_memory):
    rows = clusters(20_000)
    whole = local(max_memory=max_memory).fit(rows)
    assert_same(local(max_memory=max_memory).fit(array.from_array(rows, chunks=(chunks, 4))), whole)


@pytest.mark.parametrize("weighted", [False, True])
def test_classes_and_weights(weighted):
    rows, generator = clusters(20_000), np.random.default_rng(1)
    y = np.where(rows[:, 0] > 0, "right", "left")
    weights = generator.integers(0, 4, len(rows)) if weighted else None  # weightless rows are left out
    whole = local(max_memory=FILES).fit(rows, y, sample_weight=weights)
    given = array.from_array(rows, chunks=(3000, 2))
    assert_same(on_dask.fit(local(max_memory=FILES), given, y, weights), whole)


def test_workers_calibrate(client):
    rows, held_out = clusters(20_000), clusters(2000, 1)
    whole = LocalSampler(max_memory=FILES, random_state=0).fit(rows, calibration_latents=held_out)
    with client.as_current():
        scattered = on_dask.fit(
            LocalSampler(max_memory=FILES, random_state=0),
            array.from_array(rows, chunks=(6000, 4)),
            calibration_latents=held_out,
        )
    assert_same(scattered, whole)
    assert scattered.nn_ratio_ == whole.nn_ratio_


def test_batches_with_labels_and_unknown_lengths():
    rows = clusters(3000)
    y = (rows[:, 1] > 0).astype(int)
    pairs = [
        delayed((part, labels), traverse=False) for part, labels in zip(np.split(rows, 3), np.split(y, 3), strict=True)
    ]
    assert_same(local().fit(pairs), local().fit(rows, y))


def test_types_are_those_of_the_latents():
    counts = np.random.default_rng(0).poisson(5.0, (3000, 2, 2))
    assert_same(local().fit(array.from_array(counts, chunks=(700, 1, 2))), local().fit(counts))


def test_warnings_and_errors_come_back(client):
    same = array.from_array(np.zeros((500, 2)), chunks=100)
    bad = clusters(500)
    bad[321, 2] = np.nan
    with client.as_current():
        with pytest.warns(CalibrationWarning):
            LocalSampler().fit(same)
        with pytest.raises(InvalidInputError, match=r"latents of chunk 3 .* row 21"):
            local().fit(array.from_array(bad, chunks=(100, 4)))
        with pytest.raises(InvalidInputError, match="n_neighbors must be at most the number of latents; got 20"):
            local().fit(array.from_array(clusters(15), chunks=(4, 4)))


@pytest.fixture(scope="module")
def shards():
    """Return shards with three classes, of which one is in one corner, and weights; and the fit through files."""
    rows, generator = clusters(20_000), np.random.default_rng(2)
    y, weights = np.digitize(rows[:, 0], [-1.0, 6.0]), generator.integers(1, 4, len(rows))
    given = array.from_array(rows, chunks=(3000, 4))
    found = on_dask.fit_shards(local(max_memory=FILES), given, y, weights)
    return found, local(max_memory=FILES).fit(rows, y, sample_weight=weights)


@pytest.mark.parametrize("y", [None, 1, "several"])
@pytest.mark.parametrize("chunks", [700, 5000])
def test_shards_draw_the_samples_of_the_whole(shards, chunks, y):
    found, whole = shards
    y = np.arange(3000) % 3 if y == "several" else y
    drawn = on_dask.sample(found, 3000, chunks, y=y, random_state=7, start=11)
    assert np.array_equal(drawn.compute(), whole.sample(3000, y=y, random_state=7, start=11))
    assert drawn.chunks[0][0] == min(chunks, 3000)


def test_shards_of_weightless_whole_numbers():
    counts = np.random.default_rng(0).poisson(5.0, (20_000, 2, 2))
    found = on_dask.fit_shards(local(max_memory=FILES), array.from_array(counts, chunks=4000))
    whole = local(max_memory=FILES).fit(counts)
    assert len(found.parts) > 2
    assert np.array_equal(on_dask.sample(found, 500).compute(), whole.sample(500))


def test_shards_are_gathered(shards):
    found, whole = shards
    assert_same(found.gather(), whole)


def test_shards_in_a_folder(shards, tmp_path, client):
    found, whole = shards
    found.save(tmp_path / "shards")
    with client.as_current():
        opened = on_dask.open_shards(tmp_path / "shards")
        assert np.array_equal(on_dask.sample(opened, 400).compute(), whole.sample(400))
    first = vicinal.load(sorted((tmp_path / "shards").iterdir())[0])
    assert len(first.latents_) == found.counts[:, 0].sum()
    with pytest.raises(InvalidInputError, match="folder must be new or empty"):
        found.save(tmp_path / "shards")
    sorted((tmp_path / "shards").iterdir())[1].unlink()
    with pytest.raises(FileFormatError, match=r"must hold shard-000-of-N.*got \d+ such files"):
        on_dask.open_shards(tmp_path / "shards")


def test_shards_of_two_fits_do_not_mix(shards, tmp_path):
    shards[0].save(tmp_path / "mixed")
    local(scale=0.5).fit(clusters(100)).save(sorted((tmp_path / "mixed").iterdir())[1])
    with pytest.raises(FileFormatError, match="one fit"):
        on_dask.open_shards(tmp_path / "mixed")


def test_what_shards_are_not_for(shards):
    with pytest.raises(InvalidTypeError, match="sampler must be a LocalSampler; got PMFSampler"):
        on_dask.fit_shards(PMFSampler(), array.zeros((9, 2)))
    with pytest.raises(InvalidTypeError, match="X must be a dask collection"):
        on_dask.fit_shards(local(), clusters(50))
    with pytest.raises(InvalidInputError, match="y must be one of the classes"):
        on_dask.sample(shards[0], 3, y=9)
    bare = on_dask.fit_shards(local(), array.from_array(clusters(50), chunks=20))
    with pytest.raises(InvalidInputError, match="y needs shards that were fitted with labels"):
        on_dask.sample(bare, 3, y=0)
