"""Memory: images stay where they are; what is above them and their features does not grow with their number."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from vicinal import evaluate, images, search
from vicinal.metrics import data_copying, moments, neighborhoods

MB = 1 << 20
FROM_DISK = """
import sys
import numpy as np
import scipy.stats
import vicinal
from vicinal.images import release

def mapped(name, n):
    return np.lib.format.open_memmap(f"{sys.argv[1]}/{name}.npy", "w+", np.uint8, (n, 3, 64, 64))

def high_water():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

def features(block):
    return block.reshape(len(block), 8, -1).mean(axis=2)

n = int(sys.argv[2])
sets = [mapped(name, n) for name in ("real", "generated", "train")]
for seed, images in enumerate(sets):
    generator = np.random.default_rng(seed)
    for first in range(0, n, 500):
        images[first : first + 500] = generator.integers(0, 256, images[first : first + 500].shape, np.uint8)
    release(images)
few = [images[:60] for images in sets]
vicinal.evaluate(few[0], few[1], train=few[2], features=features)  # imports, threads
open("/proc/self/clear_refs", "w").write("5")  # forget earlier peaks
before = high_water()
scores = vicinal.evaluate(sets[0], sets[1], train=sets[2], features=features)
assert scores["generated"]["wasserstein_distance"] > 0
print(high_water() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    "n", [6000, pytest.param(20_000, marks=pytest.mark.slow(reason="minutes: neighbours of 20,000 rows"))]
)
def test_images_stream_from_disk(tmp_path, n):
    # The three sets take 3 * 6,000 * 12,288 bytes, 211 MB, and eight times as much in float64.
    command = [sys.executable, "-c", FROM_DISK, str(tmp_path), str(n)]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # those of other tests use the cores
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=one_thread)  # noqa: S603
    assert float(found.stdout) < (480 if n == 6000 else 1000)


@pytest.fixture
def small_blocks(monkeypatch):
    """Make blocks a few thousand values, so that their memory does not count."""
    for module, name, value in (
        (images.memory, "_BLOCK", 1 << 16),
        (search, "_VALUES", 1 << 16),
        (search, "_FEW_VALUES", 1 << 14),
        (search, "_PAIRS", 1 << 16),
        (neighborhoods, "_VALUES", 1 << 16),
        (moments, "_VALUES", 1 << 16),
        (data_copying, "MOST_VALUES", 1 << 16),
    ):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("vicinal.neighbors._COLUMNS", 1 << 16)
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_novelty_between_pixels_copies_blocks_alone(small_blocks, dtype):
    generator = np.random.default_rng(0)
    real, generated, train = generator.integers(0, 256, (3, 800, 3, 16, 16), dtype=np.uint8)
    if dtype == np.float32:
        real, generated, train = (each / np.float32(255) for each in (real, generated, train))
    wanted = ["precision", "variance_ratio", "nn_ratio", "membership_auc", "authenticity", "data_copying"]
    evaluate(real[:50], generated[:50], train=train[:50], metrics=wanted)  # imports
    tracemalloc.start()
    try:
        evaluate(real, generated, train=train, metrics=wanted)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < real.size * 8 / 2, "half of one set in float64"


def test_large_copies_are_in_temporary_files(monkeypatch):
    monkeypatch.setattr(images.memory, "_IN_MEMORY", 100)
    monkeypatch.setattr(images.memory, "_BLOCK", 50)
    floats = np.random.default_rng(0).random((20, 3, 5, 5)).astype(np.float32)
    levels = images.to_levels(floats)
    np.testing.assert_array_equal(levels, np.rint(floats * 255))
    moved = images.in_order(levels.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(moved, levels.transpose(0, 2, 3, 1))
    some = images.taken(levels, np.array([3, 3, 19, 0]))
    np.testing.assert_array_equal(some, np.asarray(levels)[[3, 3, 19, 0]])
    for each in (levels, moved, some):
        assert isinstance(each, np.memmap)
        assert each.flags.c_contiguous
    assert images.in_order(levels) is levels
