"""A LocalSampler on dask: the same bits as in memory or through files, whatever the chunks and the workers."""

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="dask is not installed")

from dask import array, delayed

from vicinal import LocalSampler
from vicinal._errors import CalibrationWarning, InvalidInputError
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
    pairs = [delayed((part, labels), traverse=False) for part, labels in zip(np.split(rows, 3), np.split(y, 3), strict=True)]
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
