"""Seconds of ``image_files.read`` over those of a plain Pillow loop, on small PNG files that this makes itself.

    python benchmarks/reading.py --files 50000

The loop is the least that reads a folder to one array: list, open, decode, copy. Both are timed in turn, several times
each, on one core and on all that this process may use; medians are shown. On a machine with other work, the
seconds of the processors tell more than those of the clock. Nothing is written but a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vicinal import image_files

SIDE = 28


def make(folder: Path, n_files: int, side: int) -> None:
    """Write smooth grey images, which compress about as handwritten digits do."""
    generator = np.random.default_rng(0)
    for i in range(n_files):
        coarse = Image.fromarray((generator.random((7, 7)) ** 4 * 255).astype(np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{i:06}.png")


def plain(folder: Path) -> np.ndarray:
    """Return all images, in a loop."""
    names = sorted(os.listdir(folder))  # noqa: PTH208 - the fastest
    images = None
    for i, name in enumerate(names):
        with Image.open(folder / name) as image:
            levels = np.asarray(image)
        if images is None:
            images = np.empty((len(names), *levels.shape), np.uint8)
        images[i] = levels
    if images is None:
        raise SystemExit(f"{folder} holds no files")
    return images


def seconds(function: Callable[[Path], object], folder: Path) -> tuple[float, float]:
    """Return how long one call takes, and the seconds of its processors."""
    begin, of_processors = time.perf_counter(), time.process_time()
    function(folder)
    return time.perf_counter() - begin, time.process_time() - of_processors


def compare(folder: Path, n_files: int, repeats: int, cores: set[int]) -> None:
    """Time both in turn on some cores, and print the medians."""
    os.sched_setaffinity(0, cores)
    rounds = [(*seconds(plain, folder), *seconds(image_files.read, folder)) for _ in range(repeats)]
    loop, loop_cpu, ours, ours_cpu = (1e6 * statistics.median(times) / n_files for times in zip(*rounds, strict=True))
    ratio, ratio_cpu = (statistics.median(each[i + 2] / each[i] for each in rounds) for i in (0, 1))
    print(
        f"{len(cores)} core{'s' * (len(cores) > 1)}: loop {loop:.0f} us a file ({loop_cpu:.0f} of processors), "
        f"read {ours:.0f} us ({ours_cpu:.0f}), ratio {ratio:.2f} ({ratio_cpu:.2f})"
    )


def main() -> None:
    """Make the files, and time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    usable = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, options.files, options.side)
        if not np.array_equal(plain(folder), image_files.read(folder)[:, 0]):
            raise SystemExit("the two read other levels")
        for cores in dict.fromkeys([(usable[0],), tuple(usable)]):
            compare(folder, options.files, options.repeats, set(cores))


if __name__ == "__main__":
    main()
