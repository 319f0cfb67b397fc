"""Samples drawn on workers are those of the sampler, to the bit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from vicinal._errors import InvalidInputError
from vicinal.integrations import dask as on_dask
from vicinal.samplers import LocalSampler, PMFSampler


@pytest.mark.parametrize("chunks", [7, (1, 0, 29), "auto"])
def test_rows_are_those_of_the_sampler(fitted, chunks):
    expected = fitted.sample(30, start=5)
    drawn = on_dask.sample(fitted, 30, chunks, start=5)
    assert (drawn.shape, drawn.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(drawn.compute(), expected)


@pytest.fixture(
    params=[PMFSampler(4, random_state=1), LocalSampler(4, scale=1.0, random_state=1)], ids=["pmf", "local"]
)
def labelled(request, latents):
    return clone(request.param).fit(latents, np.arange(300) % 2)


def test_workers_draw_within_classes(client, labelled):
    y = np.arange(50) % 2
    with client.as_current():
        several = on_dask.sample(labelled, 50, 20, y=y).compute()
        one = on_dask.sample(labelled, 50, 20, y=1, random_state=9).compute()
    assert np.array_equal(several, labelled.sample(50, y=y))
    assert np.array_equal(one, labelled.sample(50, y=1, random_state=9))


def test_labels_may_look_like_keys_and_tuples(latents):
    sampler = PMFSampler(4, random_state=0).fit(latents, [("a", 1), ("a", 2), ("b", 1)] * 100)
    assert np.array_equal(on_dask.sample(sampler, 9, 4, y=("a", 2)).compute(), sampler.sample(9, y=("a", 2)))
    y = [("b", 1), ("a", 1), ("a", 2)] * 3
    assert np.array_equal(on_dask.sample(sampler, 9, 4, y=y).compute(), sampler.sample(9, y=y))


def test_without_a_seed_an_array_stays_as_it_is(latents):
    sampler = PMFSampler(4).fit(latents)
    drawn, other = on_dask.sample(sampler, 20, 6), on_dask.sample(sampler, 20, 6)
    assert np.array_equal(drawn.compute(), drawn.compute())
    assert not np.array_equal(drawn.compute(), other.compute())


def test_shapes_come_back(latents):
    sampler = PMFSampler(4, random_state=0).fit(latents.reshape(150, 5, 2))
    drawn = on_dask.sample(sampler, 11, 4)
    assert drawn.chunks == ((4, 4, 3), (5,), (2,))
    assert np.array_equal(drawn[3:9].compute(), sampler.sample(6, start=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunks": (5, 6)}, 'chunks must be "auto", a number of rows, or a tuple'),
        ({"chunks": "many"}, 'chunks must be "auto", a number of rows, or a tuple'),
        ({"y": 7}, "y must be one of the classes seen in fit"),
        ({"y": [0, 1]}, "one label for each of 12 rows"),
        ({"y": [7] * 12}, "y must be one of the classes seen in fit"),
        ({"start": -1}, "start must be"),
    ],
)
def test_what_cannot_be_used(latents, options, message):
    sampler = PMFSampler(4).fit(latents, np.arange(300) % 2)
    with pytest.raises(InvalidInputError, match=message):
        on_dask.sample(sampler, 12, **options)


def test_only_fitted_samplers_draw():
    with pytest.raises(NotFittedError):
        on_dask.sample(PMFSampler(), 3)
