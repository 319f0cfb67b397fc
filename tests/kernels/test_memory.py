"""Memory of large results: handed out again, but never while somebody can still see it."""

import gc
import mmap
import threading
from collections import deque

import numpy as np
import pytest

import vicinal
from vicinal import PMFSampler
from vicinal.kernels import cpu, memory

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MADV_FREE"), reason="this system cannot mark memory as free")

SHAPE = (memory.SMALLEST // 4, 1)  # float32


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def _no_spare(monkeypatch):
    monkeypatch.setattr(memory, "spare", deque(maxlen=1))


def test_memory_comes_back():
    first = memory.new_samples(SHAPE, np.dtype(np.float32))
    where = address(first)
    first[:] = 1
    del first
    second = memory.new_samples((SHAPE[0] // 2, 1), np.dtype(np.float64))
    assert address(second) == where
    assert address(memory.new_samples(SHAPE, np.dtype(np.float32))) != where


@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a[5:7], lambda a: a.T, lambda a: a.view(np.int32).reshape(-1)[3:4]]
)
def test_memory_in_sight_is_left_alone(view):
    array = memory.new_samples(SHAPE, np.dtype(np.float32))
    where = address(array)
    array[:] = 7
    kept = view(array)
    del array
    other = memory.new_samples(SHAPE, np.dtype(np.float32))
    other[:] = 0
    assert address(other) != where
    assert (kept.view(np.float32) == 7).all()
    del kept, other
    gc.collect()
    assert len(memory.spare) == 1


def test_memory_that_fits_badly_is_not_used():
    big = memory.new_samples((4 * SHAPE[0],), np.dtype(np.float32))
    where = address(big)
    del big
    assert address(memory.new_samples(SHAPE, np.dtype(np.float32))) != where
    assert address(memory.new_samples((8 * SHAPE[0],), np.dtype(np.float32))) != where


def test_one_block_is_kept():
    arrays = [memory.new_samples(SHAPE, np.dtype(np.float32)) for _ in range(3)]
    last = address(arrays[0])
    while arrays:
        arrays.pop()
    assert len(memory.spare) == 1
    assert address(memory.new_samples(SHAPE, np.dtype(np.float32))) == last


def test_small_results_are_ordinary_arrays():
    array = memory.new_samples((10, 3), np.dtype(np.float64))
    assert array.shape == (10, 3)
    assert array.flags.owndata


def test_threads_never_share():
    def work():
        for i in range(30):
            array = memory.new_samples(SHAPE, np.dtype(np.float32))
            array[:100] = i
            assert (array[:100] == i).all()
            held.append(array)
            if i % 3 == 0:
                del held[: len(held) // 2]

    held = []
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    addresses = [address(array) for array in held]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize(("shape", "dtype"), [((3, 5), np.uint8), ((7, 4), np.uint16), ((1000, 64), np.uint8)])
def test_aligned_arrays_begin_on_a_line(shape, dtype):
    arrays = [memory.aligned(shape, np.dtype(dtype)) for _ in range(5)]
    assert all((array.shape, array.dtype) == (shape, dtype) for array in arrays)
    assert [address(array) % memory.LINE for array in arrays] == [0] * 5
    for value, array in enumerate(arrays):
        array[:] = value
    assert all((array == value).all() for value, array in enumerate(arrays))


def test_cells_begin_on_a_line(tmp_path):
    latents = np.random.default_rng(0).normal(size=(300, 7)).astype(np.float32)
    sampler = PMFSampler(8, random_state=0).fit(latents)
    sampler.save(tmp_path / "sampler.safetensors")
    loaded = vicinal.load(tmp_path / "sampler.safetensors")
    assert address(loaded.cells_) % memory.LINE == 0
    if cpu.COMPILED:
        assert address(sampler.cells_) % memory.LINE == 0
