"""How often a fit goes over a loader: each pass may read files or encode images."""

import warnings

import numpy as np
import pytest

from vicinal import LocalSampler, PMFSampler
from vicinal._errors import CalibrationWarning


class Loader:
    def __init__(self, rows):
        self.rows, self.passes = rows, 0

    def __iter__(self):
        self.passes += 1
        yield from np.array_split(self.rows, 8)


@pytest.mark.parametrize(("sampler", "n_passes"), [(LocalSampler(), 1), (PMFSampler(8), 2), (PMFSampler(), 4)])
def test_passes_over_a_loader(sampler, n_passes):
    loader = Loader(np.random.default_rng(0).normal(size=(4000, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        sampler.fit(loader)
    assert loader.passes <= n_passes


@pytest.mark.parametrize(("n", "d"), [(6000, 2), (3000, 16)])
def test_a_loader_and_an_array_give_the_same_calibration(n, d):
    rows = np.random.default_rng(1).normal(size=(n, d)) + np.arange(n)[:, None] % 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        streamed, whole = PMFSampler().fit(Loader(rows)), PMFSampler().fit(rows)
    assert (streamed.n_bins_, streamed.nn_ratio_) == (whole.n_bins_, whole.nn_ratio_)
    assert np.array_equal(streamed.sample(100, random_state=0), whole.sample(100, random_state=0))
