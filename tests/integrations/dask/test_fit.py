"""A fit to a dask collection is the fit to the same latents in memory, to the byte of the file."""

import os
import warnings

import numpy as np
import pytest
from dask import array, bag, delayed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vicinal._errors import CalibrationWarning, InvalidInputError, InvalidTypeError, LabelWarning, OutOfBoundsWarning
from vicinal.integrations import dask as on_dask
from vicinal.samplers import KDESampler, LocalSampler, PMFSampler
from vicinal.samplers.how_new import HowNew


@pytest.fixture
def same(tmp_path):
    """Return a function that tells whether two samplers are written as the same bytes."""

    def of(a, b):
        a.save(tmp_path / "a")
        b.save(tmp_path / "b")
        return (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    return of


def normal(n=2000, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def quietly(sampler, *args, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=CalibrationWarning)
        return sampler.fit(*args, **options)


def unknown(collection):
    """Return a dask array of the same rows, with chunks of unknown length."""
    return collection[array.ones(len(collection), chunks=(collection.chunks[0],), dtype=bool)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.integers(0, 90), min_size=1, max_size=8).filter(lambda rows: sum(rows) >= 60),
    columns=st.integers(1, 3),
    labelled=st.booleans(),
    weights=st.sampled_from([None, "whole", "fractional"]),
    hidden=st.booleans(),
)
def test_any_chunks_give_the_fit_in_memory(same, rows, columns, labelled, weights, hidden):
    n = sum(rows)
    latents, generator = normal(n, 3, seed=n), np.random.default_rng(n)
    y = generator.integers(0, 3, n) if labelled else None
    w = {"whole": generator.integers(0, 3, n), "fractional": generator.random(n) * (generator.random(n) > 0.2)}.get(
        weights
    )
    collection = array.from_array(latents, chunks=(tuple(rows), columns))
    parts = [None if each is None else array.from_array(each, chunks=(tuple(rows),)) for each in (y, w)]
    given = [unknown(each) if hidden and each is not None else each for each in (collection, *parts)]
    local = quietly(PMFSampler(random_state=0), latents, y, sample_weight=w)
    assert same(local, quietly(PMFSampler(random_state=0), given[0], given[1], sample_weight=given[2]))


@pytest.mark.parametrize("chunks", [250, 2000])
def test_workers_give_the_fit_in_memory(client, same, chunks):
    latents, held_out = normal(), normal(500, seed=1)
    y, weights = np.arange(2000) % 3, np.random.default_rng(0).random(2000)
    local = quietly(PMFSampler(random_state=0), latents, y, sample_weight=weights, calibration_latents=held_out)
    collection, fresh = array.from_array(latents, chunks=(chunks, 2)), array.from_array(held_out, chunks=70)
    with client.as_current(), warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        scattered = on_dask.fit(PMFSampler(random_state=0), collection, y, weights, fresh)
        again = on_dask.fit(PMFSampler(random_state=0), collection.persist(), y, weights, fresh.persist())
    assert same(local, scattered)
    assert same(local, again)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int16, bool])
def test_types_and_shapes_are_those_in_memory(same, dtype):
    latents = (3 * normal(300, 12)).astype(dtype).reshape(300, 3, 2, 2)
    collection = array.from_array(latents, chunks=(70, 2, 1, 2))
    local, scattered = PMFSampler(4, random_state=0).fit(latents), PMFSampler(4, random_state=0).fit(collection)
    assert same(local, scattered)
    assert scattered.sample(2).dtype == dtype


def test_given_bounds_clip_and_count(same):
    latents = normal(500)
    samplers, messages = [], []
    for rows in (latents, array.from_array(latents, chunks=90)):
        with pytest.warns(OutOfBoundsWarning) as caught:
            options = {"bounds": (-1.0, 1.0), "out_of_bounds": "clip", "random_state": 0}
            samplers.append(quietly(PMFSampler(**options), rows))
        messages.append([str(each.message) for each in caught])
    assert same(*samplers)
    assert messages[0] == messages[1]
    with pytest.raises(InvalidInputError, match=r"latents of chunk 0 must lie within the bounds"):
        PMFSampler(4, bounds=(-1.0, 1.0)).fit(array.from_array(latents, chunks=500))


def test_partial_fit_adds_a_collection(same):
    latents = normal(600)
    sampler = PMFSampler(6, bounds=PMFSampler.bounds_of(array.from_array(latents, chunks=100)), random_state=0)
    for rows in np.split(latents, 3):
        sampler.partial_fit(array.from_array(rows, chunks=70))
    assert same(sampler, PMFSampler(6, bounds=sampler.bounds, random_state=0).fit(latents))


def kinds_of_collections(latents, tmp_path):
    parts = np.array_split(latents, 5)
    for i, part in enumerate(parts):
        np.save(tmp_path / f"{i}.npy", part)
    paths = [str(tmp_path / f"{i}.npy") for i in range(5)]
    yield "delayed arrays", [delayed(part) for part in parts]
    yield "delayed paths", [delayed(path) for path in paths]
    yield "one delayed array", delayed(latents)
    yield "bag of arrays", bag.from_sequence(parts, npartitions=2)
    yield (
        "bag of paths with an empty partition",
        bag.from_sequence(paths, npartitions=5).filter(lambda path: path != paths[0]),
    )


def test_collections_of_batches(same, tmp_path):
    latents = normal(500)
    for name, collection in kinds_of_collections(latents, tmp_path):
        expected = latents[100:] if "empty" in name else latents
        assert same(PMFSampler(5, random_state=0).fit(expected), PMFSampler(5, random_state=0).fit(collection)), name


def test_collections_of_pairs_and_futures(client, same):
    latents, y = normal(300), np.repeat(["a", "b", "c"], 100)
    local = PMFSampler(5, random_state=0).fit(latents, y)
    pairs = list(zip(np.split(latents, 3), np.split(y, 3), strict=True))
    assert same(local, PMFSampler(5, random_state=0).fit([delayed(pair, traverse=False) for pair in pairs]))
    assert same(local, PMFSampler(5, random_state=0).fit(bag.from_sequence(pairs, npartitions=2)))
    with client.as_current():
        futures = client.scatter(np.split(latents, 3))
        assert same(local, PMFSampler(5, random_state=0).fit(futures, client.scatter(np.split(y, 3))))


def test_a_data_frame_keeps_its_names(same):
    pandas, frames = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    frame = pandas.DataFrame(normal(300), columns=list("abcd")).assign(label=np.arange(300) % 2)
    parts = frames.from_pandas(frame, npartitions=4)
    local = PMFSampler(5, random_state=0).fit(frame[list("abcd")], frame["label"])
    scattered = PMFSampler(5, random_state=0).fit(parts[list("abcd")], parts["label"])
    assert same(local, scattered)
    assert scattered.feature_names_in_.tolist() == list("abcd")


def test_how_new_samples_are_is_said_of_a_collection():
    latents = normal()
    sampler = PMFSampler(6, random_state=0).fit(latents)
    assert HowNew.of(sampler, array.from_array(latents, chunks=300)) == HowNew.of(sampler, latents)


def test_labels_that_do_not_repeat_are_ignored_as_in_memory(same):
    latents, y = normal(300), np.arange(300.0)
    collection = array.from_array(latents, chunks=100)
    with pytest.warns(LabelWarning, match="300 of 300 latents"):
        scattered = PMFSampler(5, random_state=0).fit(collection, array.from_array(y, chunks=100))
    assert same(scattered, PMFSampler(5, random_state=0).fit(latents))


def test_a_bad_chunk_is_named_with_its_row(client):
    latents = normal(400)
    latents[333, 1] = np.nan
    sampler = PMFSampler(4, random_state=0).fit(latents[:300])
    before = sampler.sample(5)
    with client.as_current(), pytest.raises(InvalidInputError, match=r"latents of chunk 3 .* first in row 33"):
        sampler.fit(array.from_array(latents, chunks=100))
    assert np.array_equal(sampler.sample(5), before)


def test_latents_never_come_to_the_caller(client):
    parts = [delayed(Remote)(normal(100, seed=i), os.getpid()) for i in range(4)]
    with client.as_current():
        assert PMFSampler(4).fit(parts).n_samples_seen_ == 400
        with pytest.raises(InvalidInputError, match=r"pass X.compute\(\)"):
            KDESampler().fit(parts)
        assert LocalSampler(20, scale=1.0).fit(parts).latents_.shape == (400, 4)
        with pytest.raises(RuntimeError, match="latents came to the caller"):
            parts[0].compute()


class Remote:
    """Latents that cannot be unpickled in one process."""

    def __init__(self, latents, forbidden):
        if os.getpid() == forbidden:
            raise RuntimeError("latents came to the caller")
        self.latents, self.forbidden = latents, forbidden

    def __reduce__(self):
        return Remote, (self.latents, self.forbidden)

    def __array__(self, dtype=None, copy=None):
        return self.latents


UNUSABLE = [
    (lambda x: [x[:10], x[10:]], {}, "join them by dask.array.concatenate"),
    (lambda x: x, {"y": np.zeros(9)}, "one value for each of 100 rows; got 9"),
    (lambda x: x, {"y": array.zeros(9)}, "one value for each of 100 rows; got 9"),
    (unknown, {"y": np.zeros(100)}, r"compute_chunk_sizes\(\)"),
    (unknown, {"y": array.zeros(100, chunks=50)}, "4 chunks or partitions of the latents; got 2"),
    (lambda x: x, {"sample_weight": -np.ones(100)}, "at least 0"),
    (lambda x: x, {"sample_weight": np.zeros(100)}, "only zeros"),
    (unknown, {"sample_weight": array.ones(100, chunks=(25, 30, 20, 25))}, "of chunk 1 must hold 25|of chunk 2 must"),
    (lambda x: x, {"std": 0.1}, "draw the latents of a dask array before fit"),
    (lambda x: x[0], {}, "must have shape"),
    (lambda x: x[:1], {}, "at least 2 rows"),
    (lambda x: x.astype("S3"), {}, "must be numeric"),
    (lambda x: [delayed(np.ones((3, 2))), delayed(np.ones((3, 2), "f4"))], {}, "chunk 1 must be float64"),
    (lambda x: [delayed(np.ones((3, 2))), delayed(np.ones((3, 5)))], {}, "latents of chunk 1 must have shape"),
]


@pytest.mark.parametrize(("X", "options", "message"), UNUSABLE, ids=[message for *_, message in UNUSABLE])
def test_what_cannot_be_used(X, options, message):
    collection = array.from_array(normal(100), chunks=25)
    with pytest.raises((InvalidInputError, InvalidTypeError), match=message):
        PMFSampler(4).fit(X(collection), **options)


def test_only_collections_are_taken():
    with pytest.raises(InvalidTypeError, match=r"call sampler.fit\(X\)"):
        on_dask.fit(PMFSampler(4), normal(100))
