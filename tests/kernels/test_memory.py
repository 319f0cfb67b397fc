"""Memory for work and results: handed out again, but never while somebody can still see it."""

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

FLOAT = np.dtype(np.float32)
LARGE = (memory.LARGE // 4, 1)
MIDDLE = (memory.SMALLEST // 4, 1)
both = pytest.mark.parametrize("shape", [MIDDLE, LARGE], ids=["middle", "large"])


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def _no_spare(monkeypatch):
    for name in ("spare", "large_spare"):
        monkeypatch.setattr(memory, name, deque(maxlen=getattr(memory, name).maxlen))


@both
def test_memory_comes_back(shape):
    first = memory.new_samples(shape, FLOAT)
    where = address(first)
    first[:] = 1
    del first
    second = memory.new_samples((shape[0] // 2, 1), np.dtype(np.float64))
    assert address(second) == where
    assert address(memory.new_samples(shape, FLOAT)) != where


@both
@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a[5:7], lambda a: a.T, lambda a: a.view(np.int32).reshape(-1)[3:4]]
)
def test_memory_in_sight_is_left_alone(shape, view):
    array = memory.new_samples(shape, FLOAT)
    where = address(array)
    array[:] = 7
    kept = view(array)
    del array
    other = memory.new_samples(shape, FLOAT)
    other[:] = 0
    assert address(other) != where
    assert (kept.view(np.float32) == 7).all()
    del kept, other
    gc.collect()
    assert len(memory.spare) + len(memory.large_spare) == (1 if shape == LARGE else 2)


@both
def test_memory_that_fits_badly_is_not_used(shape):
    big = memory.new_samples((4 * shape[0],), FLOAT)
    where = address(big)
    del big
    assert address(memory.new_samples(shape, FLOAT)) != where
    assert address(memory.new_samples((8 * shape[0],), FLOAT)) != where


def test_one_large_block_is_kept():
    arrays = [memory.new_samples(LARGE, FLOAT) for _ in range(3)]
    last = address(arrays[0])
    while arrays:
        arrays.pop()
    assert len(memory.large_spare) == 1
    assert address(memory.new_samples(LARGE, FLOAT)) == last


def test_few_blocks_are_kept():
    arrays = [memory.new(MIDDLE, FLOAT) for _ in range(100)]
    addresses = [address(array) for array in arrays]
    arrays.clear()
    kept = memory.spare.maxlen
    assert sum(len(block) for block in memory.spare) <= kept * memory.LARGE == 2**25
    again = [memory.new(MIDDLE, FLOAT) for _ in range(kept)]
    assert {address(array) for array in again} <= set(addresses)


def test_memory_that_fits_is_found_among_others():
    arrays = [memory.new((k * MIDDLE[0],), FLOAT) for k in (1, 3, 9)]
    addresses = [address(array) for array in arrays]
    arrays.clear()
    assert address(memory.new((3 * MIDDLE[0],), FLOAT)) == addresses[1]
    assert address(memory.new((9 * MIDDLE[0],), FLOAT)) == addresses[2]
    assert address(memory.new(MIDDLE, FLOAT)) == addresses[0]


def test_work_keeps_no_large_block():
    for make in (memory.new, memory.aligned):
        array = make(LARGE, FLOAT)
        del array
    assert not memory.large_spare
    assert not memory.spare


def test_small_arrays_are_ordinary():
    for make in (memory.new, memory.new_samples):
        array = make((10, 3), np.dtype(np.float64))
        assert array.shape == (10, 3)
        assert array.flags.owndata


@both
def test_without_blocks_arrays_are_ordinary(shape, monkeypatch):
    def fails(*arguments, **keywords):
        raise OSError("no more mappings")

    monkeypatch.setattr(mmap, "mmap", fails)
    array = memory.new_samples(shape, FLOAT)
    assert array.shape == shape
    assert array.flags.owndata


@both
def test_threads_never_share(shape):
    def work():
        for i in range(30):
            array = memory.new_samples(shape, FLOAT)
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
