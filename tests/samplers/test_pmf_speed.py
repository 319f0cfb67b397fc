"""What makes `PMFSampler` fast, pinned without a clock: compiled loops, few passes, little memory."""

import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone

from vicinal import kernels
from vicinal.kernels import cpu, memory
from vicinal.kernels.cpu import draws, passes, samples, table
from vicinal.samplers import PMFSampler

compiled = pytest.mark.skipif(not cpu.COMPILED, reason="Numba's compiler is switched off")


@pytest.fixture(scope="module")
def many():
    """Return 400,000 latents of 64 dimensions, 100 MB of float32."""
    return np.random.default_rng(0).standard_normal((400_000, 64), dtype=np.float32)


def traced(work):
    """Return what ``work`` returns, and the most memory in bytes that arrays took meanwhile."""
    tracemalloc.start()
    try:
        result = work()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@compiled
def test_compiled_kernels_are_used(latents):
    sampler = PMFSampler(8, random_state=0).fit(latents)
    sampler.sample(10)
    assert kernels.select() is cpu
    for function in (
        passes._bounds,
        passes._quantize,
        table._pack,
        table._unpack,
        draws._draw_cells,
        samples._fill_cells,
    ):
        assert function.nopython_signatures


@compiled
def test_fit_takes_little_memory(many):
    n, d = many.shape
    sampler, most = traced(lambda: PMFSampler(32, random_state=0).fit(many))
    assert most < n * d + 32 * n + 2**26
    assert most < many.nbytes  # and so there was no other copy of the latents, least of all in float64
    _, most = traced(lambda: sampler.cells_)
    assert most < 2 * n * d + 32 * n + 2**26  # the codes are still there while the cells are made


@compiled
def test_samples_take_the_memory_of_the_samples(many, monkeypatch):
    monkeypatch.setattr(memory, "new_samples", np.empty)  # which is traced
    sampler = PMFSampler(32, random_state=0).fit(many)
    sampler.sample(1)
    drawn, most = traced(lambda: sampler.sample(len(many)))
    assert drawn.dtype == np.float32
    assert most < 1.15 * drawn.nbytes


def test_fit_goes_through_the_latents_twice(latents, monkeypatch):
    passed = []
    module = kernels.select()
    for name in ("bounds", "quantize", "unique_cells"):
        kernel = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, name=name, kernel=kernel: (passed.append(name), kernel(*a))[1])
    sampler = PMFSampler(8, random_state=0).fit(latents)
    assert passed == ["bounds", "quantize"]
    sampler.sample(5)
    sampler.sample(5)
    assert passed == ["bounds", "quantize", "unique_cells"]
    PMFSampler(8, bounds=(-9, 9)).fit([latents, latents])
    assert passed[3:] == ["bounds", "quantize", "unique_cells"] * 2 + ["unique_cells"]  # the last to merge


def test_the_table_is_made_when_it_is_asked_for(latents):
    sampler = PMFSampler(8).fit(latents)
    assert "cells_" not in sampler.__dict__
    assert sampler.n_samples_seen_ == 300
    assert "cells_" not in sampler.__dict__
    assert sampler.counts_.sum() == 300
    assert "cells_" in sampler.__dict__
    assert "cells_" not in clone(sampler).fit(latents).__dict__


def test_the_index_is_kept_from_sample_to_sample(latents, monkeypatch):
    module, made = kernels.select(), []
    make = module.index_cells
    monkeypatch.setattr(module, "index_cells", lambda counts: (made.append(1), make(counts))[1])
    sampler = PMFSampler(8, random_state=0).fit(latents)
    first = sampler.sample(5)
    assert np.array_equal(sampler.sample(5), first)
    assert len(made) == 1
    assert not np.array_equal(sampler.sample(5, temperature=np.inf), first)
    assert np.array_equal(sampler.sample(5), first)
    sampler.fit(latents + np.float32(1))
    assert not np.array_equal(sampler.sample(5), first)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_put_off_or_not_the_table_is_the_same(latents, dtype, monkeypatch):
    latents = latents.astype(dtype)
    at_once = PMFSampler(8, random_state=0).fit(latents, sample_weight=np.ones(300))
    put_off = PMFSampler(8, random_state=0).fit(latents)
    in_chunks = PMFSampler(8, random_state=0)
    monkeypatch.setattr("vicinal.samplers.batches._CHUNK", 100)
    in_chunks.fit(latents.repeat(2, axis=1)[:, ::2])  # not contiguous
    for other in (put_off, in_chunks):
        assert other.cells_.tobytes() == at_once.cells_.tobytes()
        assert other.counts_.tobytes() == at_once.counts_.tobytes()
        assert other.sample(50).tobytes() == at_once.sample(50).tobytes()
