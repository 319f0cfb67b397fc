"""What a calibration warns of, and what it does not warn of."""

import warnings
from functools import partial, reduce

import numpy as np
import pytest

from vicinal.samplers import KDESampler, LocalSampler, PMFSampler
from vicinal.samplers.probes import Probes

AUTO = [PMFSampler, partial(KDESampler, "auto"), LocalSampler]


def warned(make, latents):
    """Return the fitted sampler and its warning, or an empty string."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sampler = make(random_state=0).fit(latents)
    return sampler, str(caught[0].message) if caught else ""


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12])
def test_an_outlier_is_named(size):
    latents = np.random.default_rng(0).normal(size=(2000, 8))
    latents[0, 3] = size
    for make in AUTO:
        sampler, message = warned(make, latents)
        far = np.mean(np.abs(sampler.sample(4000)) > 10)
        assert far < 0.01 or "dimension 3 spans" in message
    assert "dimension 3 spans" in warned(PMFSampler, latents)[1]


@pytest.mark.parametrize("make", AUTO)
def test_whole_numbers_keep_their_variance(make):
    latents = np.random.default_rng(0).poisson(3, size=(5000, 4)).astype(float)
    sampler, message = warned(make, latents)
    assert "80% of the latents repeat others" in message
    assert sampler.sample(5000).var(axis=0).sum() / latents.var(axis=0).sum() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("share", "width"), [(0.1, 0.01), (0.5, 0.01), (0.5, 0.1), (0.9, 0.01)])
def test_two_densities(share, width):
    generator = np.random.default_rng(0)
    narrow = generator.random((4000, 1)) < share
    latents = np.where(narrow, 20 + width * generator.normal(size=(4000, 4)), generator.normal(size=(4000, 4)))
    for make in AUTO[:2]:
        assert "distances to training latents are" in warned(make, latents)[1]
    assert warned(LocalSampler, latents)[1] == ""  # neighbourhoods are as wide as the data there


def test_more_variance_is_named():
    latents = np.random.default_rng(0).normal(size=(1000, 8))
    sampler, message = warned(PMFSampler, latents)
    ratio = sampler.sample(50_000).var(axis=0).sum() / latents.var(axis=0).sum()
    assert f"samples have {ratio:.2f}"[:-1] in message


def test_no_false_alarm():
    """Of 100 fits to normal latents (n=500, d=2, 8), 0 and 2 warned; of 33 in 32 dimensions none did."""
    alarms = [
        warned(LocalSampler, np.random.default_rng(seed).normal(size=(500, d)))[1] for d in (2, 8) for seed in range(8)
    ]
    assert sum(map(bool, alarms)) <= 1


def test_probes_count_repeats_whatever_the_batches():
    rows = np.random.default_rng(0).integers(0, 4, size=(3000, 3)).astype(float)
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    for batches in ([rows], np.array_split(rows[::-1], 7)):
        probes = reduce(Probes.merge, map(Probes.of, batches))
        order = np.lexsort(probes.rows.T[::-1])
        assert np.array_equal(probes.rows[order], distinct)
        assert np.array_equal(probes.counts[order], counts)
        assert np.abs(np.bincount(probes.spread(3000), minlength=64) - probes.counts).max() <= 1
