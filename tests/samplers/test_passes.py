"""How often a fit goes over a loader, as docs/your-model.md says: each pass may read files or encode images."""

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


@pytest.mark.parametrize(("sampler", "n_passes"), [(LocalSampler(), 2), (PMFSampler(8), 3), (PMFSampler(), 9)])
def test_passes_over_a_loader(sampler, n_passes):
    loader = Loader(np.random.default_rng(0).normal(size=(4000, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        sampler.fit(loader)
    assert loader.passes <= n_passes
