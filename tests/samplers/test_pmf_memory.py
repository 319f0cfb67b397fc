"""How much memory `PMFSampler` takes."""

import tracemalloc

import numpy as np
import pytest

from vicinal.kernels import cpu
from vicinal.samplers import PMFSampler

pytestmark = pytest.mark.skipif(not cpu.COMPILED, reason="Numba's compiler is switched off")


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


def test_a_fit_takes_less_than_a_copy_of_the_latents(many):
    n, d = many.shape
    _, most = traced(lambda: PMFSampler(32, random_state=0).fit(many))
    assert most < 2 * n * d + 48 * n + 2**24  # codes and cells of a byte each, keys, order and counts
    assert most < many.nbytes


def test_samples_take_the_memory_of_the_samples(many, monkeypatch):
    monkeypatch.setattr("vicinal.kernels.cpu.samples.new_samples", np.empty)  # which is traced
    sampler = PMFSampler(32, random_state=0).fit(many)
    sampler.sample(1)
    drawn, most = traced(lambda: sampler.sample(len(many)))
    assert drawn.dtype == np.float32
    assert most < 1.15 * drawn.nbytes


def test_integers_of_a_file_become_floats_chunk_by_chunk(tmp_path, monkeypatch):
    """As float64 they would take eight times their memory."""
    monkeypatch.setattr("vicinal.samplers.batches._MAPPED_CHUNK", 1 << 16)
    levels = np.lib.format.open_memmap(tmp_path / "z.npy", "w+", np.uint8, (30_000, 200))
    levels[:, :3] = np.random.default_rng(0).integers(0, 256, (30_000, 3))  # the other dimensions are constant
    sampler, most = traced(lambda: PMFSampler(4, random_state=0).fit(levels))
    assert sampler.sample(5).dtype == np.uint8
    assert most < 4 * levels.size
