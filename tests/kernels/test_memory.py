"""Memory for results: used again, but never while somebody can still see it."""

import gc
import threading

import numpy as np
import pytest

from vicinal import PMFSampler
from vicinal.kernels.cpu import loops

LARGE = (1 << 21, 1)  # 8 MiB of float32


@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a[5:7], lambda a: a.T, lambda a: a.view(np.int32).reshape(-1)[3:4]]
)
def test_memory_that_is_still_visible_is_left_alone(view):
    array = loops.new_samples(LARGE, np.float32)
    array[:] = 7
    kept = view(array)
    del array
    gc.collect()
    for _ in range(3):
        loops.new_samples(LARGE, np.float32)[:] = 0
    assert (kept.view(np.float32) == 7).all()


@pytest.mark.parametrize("shape", [LARGE, (10, 3), (0, 4), (2 * LARGE[0], 1), (LARGE[0] // 4, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_type(shape, dtype):
    for _ in range(3):
        array = loops.new_samples(shape, dtype)
        assert (array.shape, array.dtype) == (shape, dtype)
        array[:] = 1
        assert array.sum() == array.size


def test_threads_never_share():
    def work():
        for i in range(20):
            array = loops.new_samples(LARGE, np.float32)
            mark = float(threading.get_ident() % 1000 + i)
            array[:100] = mark
            held.append((array, mark))
            if i % 3 == 0:
                del held[: len(held) // 2]

    held = []
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all((array[:100] == mark).all() for array, mark in held)


@pytest.mark.parametrize(("shape", "dtype"), [((3, 5), np.uint8), ((7, 4), np.uint16), ((1000, 64), np.uint8)])
def test_aligned_arrays_hold_what_is_written(shape, dtype):
    arrays = [loops.aligned(shape, np.dtype(dtype)) for _ in range(5)]
    for value, array in enumerate(arrays):
        array[:] = value
    assert all((array.shape, array.dtype) == (shape, dtype) for array in arrays)
    assert all((array == value).all() for value, array in enumerate(arrays))


def test_large_samples_do_not_change_each_other():
    latents = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    sampler = PMFSampler(8, random_state=0).fit(latents)
    first = sampler.sample(200_000)
    expected = first[::1000].copy()
    second = sampler.sample(200_000, random_state=1)
    del second
    sampler.sample(200_000, random_state=2)
    assert np.array_equal(first[::1000], expected)
