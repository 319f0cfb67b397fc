"""Arguments drawn at random: a right result, or an error of vicinal that says what is wrong.

A draw is a function of its number, so that a fault can be made again: ``python tests/attacks/fuzz.py number 1234``.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from pathlib import Path

import numpy as np
from counts import Counts, require, run

import vicinal
from vicinal import array_files, metrics, samplers, storage

CALLS = {False: 2_000, True: 100_000}
NUMBERS = [None, -1, 0, 1, 2, 7, 300, 2**40, 2**63, 10**30, 0.0, -0.5, 0.3, 1.0, 1e-300, 1e300, float("nan")]
NUMBERS += [float("inf"), True, "auto", "x", b"x", [], [1], (0, 1), {}, np.int8(3), np.float32(0.5), np.array([2])]
SIZES = [0, 1, 5, 40, 40, 40]  # rows that may be drawn; the others are refused
KINDS = {
    "PMFSampler": {"n_bins": 4},
    "LocalSampler": {"n_neighbors": 4, "scale": 1.0},
    "BootstrapSampler": {},
    "GaussianSampler": {},
    "GMMSampler": {"n_components": 2, "max_iter": 20},
    "KDESampler": {},
    "CopulaSampler": {},
    "HypersphereSampler": {},
}
CHOICES = {
    "n_bins": ["auto", 1, 2, 8, 300],
    "n_neighbors": ["auto", 1, 2, 8, 39],
    "scale": ["auto", 0.5, 1.0, 3.0],
    "bandwidth": ["scott", "auto", 0.1],
    "covariance_type": ["full", "diag", "standard"],
    "kind": ["checkerboard", "beta"],
    "n_components": [1, 2, "bic"],
    "bounds": [(-1e30, 1e30), (-3, 3), (-1e4, [1e4]), (0, 0), (3, -3), (-1e308, 1e308), ([-9, -9], [9, 9])],
    "out_of_bounds": ["raise", "clip"],
    "max_components": [1, 2, 3],
    "max_iter": [0, 1, 3],
}
SLOW = {
    "max_iter": [2**40, 2**63, 10**30],
    "n_subsets": [2**40, 2**63, 10**30],
    "n_projections": [2**40, 2**63, 10**30],
}
METRICS = {
    name: getattr(metrics, name)
    for name in metrics.__all__
    if inspect.isfunction(getattr(metrics, name)) and name not in ("novelty_scorer",)
}


class Rows(np.ndarray):
    """An array of a class of one's own."""


def pick(random, values):
    """Return one of some values of any type."""
    return values[random.integers(len(values))]


def array(random):
    """Return an array of any type, shape, memory order and values, most of them latents (40, d)."""
    shape = (40, int(random.integers(1, 5)))
    if random.random() < 0.2:
        shape = pick(random, [(), (0,), (40,), (0, 3), (3, 0), (1, 3), (2, 3), (3, 40), (40, 2, 2), (40, 1, 2, 2)])
    rows = random.normal(size=shape) * pick(random, [1, 1, 1, 0, 1e-310, 1e-30, 1e4, 1e19, 1e37, 1e154, 1e300])
    rows = rows + pick(random, [0, 0, 0, 1, 1e8, -1e300])
    dtype = pick(random, ["f2", "f4", "f4", "f8", "f8", ">f4", "g", "i1", "u1", "i4", "u8", "i8", "?", "c8", "O", "U9"])
    with np.errstate(all="ignore"):
        rows = np.asarray(rows).astype(dtype)
    if rows.dtype.kind == "f" and rows.size and random.random() < 0.1:
        rows.reshape(-1)[random.integers(rows.size)] = pick(random, [np.nan, np.inf, -np.inf, 5e-324, 6e4])
    if rows.dtype.kind in "iu" and rows.size and random.random() < 0.2:
        rows.reshape(-1)[0] = np.iinfo(rows.dtype).max
    if rows.ndim > 1 and len(rows) > 3 and random.random() < 0.1:
        rows[1:] = rows[0]  # all alike
    return looked_at(random, rows)


def looked_at(random, rows):
    """Return the same values in another layout or container."""
    form = random.integers(14)
    if form == 0:
        return np.asfortranarray(rows)
    if form == 1 and rows.ndim:
        return rows[::-1]
    if form == 2:
        return np.ma.MaskedArray(rows)
    if form == 3:
        return rows.view(Rows)
    if form == 4 and rows.dtype != object:
        return rows.tolist()
    if form == 5 and rows.dtype.kind in "fiub":
        return memoryview(np.ascontiguousarray(rows))
    if form == 6 and rows.ndim:
        rows = np.repeat(rows, 2, axis=-1)[..., ::2]
        rows.flags.writeable = False
    return rows


def labels(random, n):
    """Return labels of any kind, or none."""
    few = random.integers(0, 3, n)
    return pick(
        random, [None, None, few, few.astype(str), few == 0, few.astype(object), few[1:], [None] * n, few + 0.5]
    )


def weights(random, n):
    """Return weights of any kind, or none."""
    some = random.random(n)
    wild = [np.zeros(n), some * 1e300, some * 1e-310, some - 0.5, some * np.nan, some[1:], [2**62] * n, "x", some > 0.5]
    return pick(random, [None, None, None, None, some, random.integers(0, 4, n), pick(random, wild)])


def options_of(random, names, given):
    """Return arguments by name: what is given, some good values, some of anything."""
    options = dict(given)
    for name in names:
        chance = random.random()
        if chance < 0.2 and name in CHOICES:
            options[name] = pick(random, CHOICES[name])
        elif chance > 0.93:
            value = pick(random, NUMBERS)
            options[name] = value if value not in SLOW.get(name, []) else 3
    return options


def sampler_call(random):
    """Fit, draw from and score a sampler."""
    kind = pick(random, list(KINDS))
    make = getattr(samplers, kind)
    sampler = make(**options_of(random, inspect.signature(make).parameters, KINDS[kind]))
    X = array(random)
    n = len(X) if hasattr(X, "__len__") and np.ndim(X) else 0
    given = {"y": labels(random, n), "sample_weight": weights(random, n)}
    sampler.fit(X, **{name: value for name, value in given.items() if value is not None})
    n_samples = pick(random, NUMBERS) if random.random() < 0.15 else pick(random, SIZES)
    options = {"random_state": pick(random, [None, 0, 2**31])}
    if random.random() < 0.15:
        options[pick(random, ["start", "random_state", "y", "stratified", "return_source"])] = pick(random, NUMBERS)
    samples = sampler.sample(n_samples, **options)
    samples = samples[0] if isinstance(samples, tuple) else samples
    require(samples.shape == (n_samples, *sampler.event_shape_), f"{kind}: {n_samples} samples {samples.shape}")
    require(samples.dtype == sampler.dtype_, f"{kind}: samples of {samples.dtype}, latents of {sampler.dtype_}")
    require(np.isfinite(samples).all(), f"{kind}: samples that are not finite")
    if hasattr(sampler, "score_samples"):
        scores = sampler.score_samples(X if random.random() < 0.5 else array(random))
        require(scores.ndim == 1 and not np.isnan(scores).any(), f"{kind}: scores {scores.shape} with NaN")


def metric_call(random):
    """Compute a metric of arrays that mostly fit together."""
    name = pick(random, list(METRICS))
    signature = inspect.signature(METRICS[name]).parameters
    first = array(random)
    given = {}
    for parameter in signature:
        if parameter in ("real", "generated", "train"):
            given[parameter] = first if random.random() < 0.3 else array(random)
            if random.random() < 0.7 and isinstance(first, np.ndarray) and first.dtype.kind == "f":
                given[parameter] = random.normal(size=first.shape).astype(first.dtype)
        elif parameter.endswith("_labels"):
            given[parameter] = random.integers(0, 2, 40)
    drawn = [each for each in signature if each not in given]
    found = METRICS[name](**given, **options_of(random, drawn, {}))
    values = np.asarray(found, dtype=np.float64)
    known = values[~np.isnan(values)] if "NaN" in METRICS[name].__doc__ else values  # where the documentation says so
    require(np.isfinite(known).all(), f"{name}: {found}")


def reader_call(random, folder):
    """Read a file that was altered or is called what it is not."""
    suffix = pick(random, [".npy", ".npz", ".safetensors", ".csv", ".tsv", ".pt", ".h5", ".parquet"])
    path = folder / f"file{suffix}"
    made = folder / pick(random, ["a.npy", "a.npz", "a.csv", "a.safetensors", "s.safetensors"])
    data = bytearray(made.read_bytes())
    for _ in range(random.integers(0, 6)):
        data[random.integers(min(len(data), 300))] = random.integers(256)
    if random.random() < 0.3:
        data = data[: random.integers(len(data))]
    path.write_bytes(data)
    reader = pick(random, [array_files.read, vicinal.load, storage.read_array, storage.read])
    found = reader(path)
    if reader in (array_files.read, storage.read_array):
        require(isinstance(found, np.ndarray) and found.dtype != object, f"{reader.__name__}: {type(found)}")


def write_files(folder):
    """Write the files that readers are given altered."""
    rows = np.random.default_rng(0).normal(size=(6, 2))
    for suffix in ("npy", "npz", "csv", "safetensors"):
        array_files.write(folder / f"a.{suffix}", rows)
    samplers.PMFSampler(4).fit(rows).save(folder / "s.safetensors")


def attack(full, numbers=None):
    """Make calls of numbered draws: half of samplers, a third of metrics, a sixth of readers."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for number in numbers or range(CALLS[full]):
            random = np.random.default_rng([7, number])
            with counts.trial(f"number {number}", allowed=(OSError,)):
                if number % 6 == 5:
                    reader_call(random, folder)
                elif number % 6 in (1, 3):
                    metric_call(random)
                else:
                    sampler_call(random)
    return counts


if __name__ == "__main__":
    run(attack if "number" not in sys.argv else lambda full: attack(full, [int(sys.argv[-1])]))
