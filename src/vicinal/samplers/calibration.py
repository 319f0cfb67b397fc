r"""How much to smooth: as much as makes samples as new as fresh data.

With T the training latents, H held-out ones and S(b) samples at b bins, the nn ratio is

.. math::
    r(b) = \frac{\mathrm{median}_{z \in S(b)} \min_{t \in T} \lVert z - t \rVert}
                {\mathrm{median}_{z \in H} \min_{t \in T} \lVert z - t \rVert}

each dimension scaled by its standard deviation. It falls with b about as 1 / b; the b whose ratio is
nearest to the target is found by a secant search over whole numbers; in a near tie it is the smaller. A
fixed number of probes stands for H and for S(b), so that the cost is linear in rows and dimensions.

Probes are chosen by a hash of their values, not by their position: the choice is the same
whatever the order of the rows and however they are cut into batches.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from vicinal import rng
from vicinal._errors import CalibrationWarning
from vicinal.kernels.neighbors import nearest_rows
from vicinal.samplers.cell_table import Grid

Array = np.ndarray[Any, Any]
Rows = Callable[[], Iterable[Array]]  # gives the batches of training latents (n, d), again at every call

N_PROBES = 1000
MIN_PROBES = 10
MOST_BINS = 4096
FALLBACK_BINS = 16
# Of numbers of bins as good as the best to within this share of the target, the fewest: an encoder brings the latents
# it was trained on a little closer together than fresh ones, so that ratios to held-out training latents come out high.
TIE = 0.02
TOLERANCE = 0.1  # of the target; beyond it there is a warning
_KEY = 0x76696369  # of the internal draws: the calibration is a function of the latents alone


class Probes(NamedTuple):
    """What the calibration looks at.

    ``held_out`` (m, d) and ``sources`` (k, d), training latents that samples are made from; ``scale`` (d,);
    and ``threshold``, the hash up to which a training latent is held out.
    """

    held_out: Array
    sources: Array
    scale: Array
    threshold: int


def calibrate(
    rows: Rows, lower: Array, upper: Array, target: float, held_out: Array | None = None
) -> tuple[int, float]:
    """Return the number of bins and the nn ratio it reaches; warn, with the reason, if the target is missed.

    Parameters
    ----------
    rows : callable
        Gives the batches of training latents, float32 or float64, again at every call.
    lower, upper : ndarray of shape (d,)
        Bounds of the grid.
    target : float
        The nn ratio wanted, above 0.
    held_out : ndarray of shape (m, d), optional
        Held-out latents; None takes some of the training latents.

    Returns
    -------
    n_bins : int
        From 1 to 4096; 16 if there is nothing to calibrate by.
    nn_ratio : float
        NaN if there is nothing to calibrate by.
    """
    try:
        probes = _choose_probes(rows, held_out)
        fresh = _fresh_distance(rows, probes)
    except _NothingToCompareError as error:
        _warn(str(error), FALLBACK_BINS)
        return FALLBACK_BINS, float("nan")
    uniforms = rng.uniforms(_KEY, 0, *probes.sources.shape).astype(lower.dtype)

    def ratio(n_bins: int) -> float:
        grid = Grid.over(lower, upper, n_bins)
        samples = np.minimum(grid.lower + (grid.codes(probes.sources) + uniforms) * grid.width, grid.upper)
        return _typical_distance(rows, samples, probes) / fresh

    n_bins, reached = _search(ratio, target)
    if abs(reached - target) > TOLERANCE * target:
        reason = f"the nearest that whole numbers of bins give is {reached:.2f}"
        if n_bins == 1 and reached < target:
            reason = f"even one bin, the whole box, reaches only {reached:.2f}"
        elif n_bins == MOST_BINS and reached > target:
            reason = f"{MOST_BINS} bins, the most that are tried, still give {reached:.2f}"
        _warn(f"the nn ratio cannot be brought to {target:g}: {reason}", n_bins)
    return n_bins, reached


class _NothingToCompareError(Exception):
    """The latents do not allow a calibration; the message says why."""


def _choose_probes(rows: Rows, given: Array | None) -> Probes:
    hashes, kept, n = np.zeros(0, np.uint64), None, 0
    for batch in rows():
        n += len(batch)
        hashes = np.concatenate([hashes, row_hash(batch)])
        kept = batch if kept is None else np.concatenate([kept, batch])
        lowest = np.argsort(hashes, kind="stable")[: 2 * N_PROBES]
        hashes, kept = hashes[lowest], kept[lowest]
    if kept is None or n < 5 * MIN_PROBES:
        raise _NothingToCompareError(f"at least {5 * MIN_PROBES} latents are needed, and there are {n}")
    with np.errstate(over="ignore", under="ignore"):
        scale = kept.std(axis=0, dtype=np.float64)
    if not np.isfinite(scale).all() or (scale[np.ptp(kept, axis=0) > 0] == 0).any():
        raise _NothingToCompareError("squares of the latents are beyond the range of float64: rescale them")
    scale[scale == 0] = 1.0
    if given is not None:
        chosen = given[np.argsort(row_hash(given), kind="stable")[:N_PROBES]]
        return Probes(chosen, kept[:N_PROBES], scale, -1)
    n_held_out = min(N_PROBES, n // 5)
    threshold = int(hashes[n_held_out - 1])
    held_out, sources = kept[hashes <= threshold], kept[hashes > threshold][:N_PROBES]
    n_distinct = len(np.unique(hashes[hashes <= threshold]))
    if n_distinct < MIN_PROBES or len(sources) < MIN_PROBES:
        raise _NothingToCompareError(f"latents repeat: among {len(held_out)} only {n_distinct} are distinct")
    return Probes(held_out, sources, scale, threshold)


def _fresh_distance(rows: Rows, probes: Probes) -> float:
    distance = _typical_distance(rows, probes.held_out, probes)
    if distance == 0:
        raise _NothingToCompareError("half of the held-out latents are copies of training latents")
    return distance


def row_hash(rows: Array) -> Array:
    """Return a 64-bit hash of the values of each row (n, d) of floats; the two zeros hash alike."""
    words = (rows + 0).view(np.uint32).reshape(len(rows), -1)
    odd = rng.words(_KEY, rng.UNIFORM, 0, words.shape[1], 2)
    odd = odd[:, 0] << np.uint64(32) | odd[:, 1] | np.uint64(1)
    mixed = np.zeros(len(rows), np.uint64)
    for word, multiplier in zip(words.T, odd, strict=True):
        mixed = (mixed ^ word) * multiplier
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _search(ratio: Callable[[int], float], target: float) -> tuple[int, float]:
    """Return the whole number whose ratio is nearest to the target; the ratio falls about as 1 / n_bins."""
    reached: dict[int, float] = {}
    low, high, n_bins = 0, MOST_BINS + 1, 8
    while high - low > 1:
        reached[n_bins] = ratio(n_bins)
        if reached[n_bins] >= target:
            low = n_bins
        else:
            high = n_bins
        guess = round(n_bins * reached[n_bins] / target) if len(reached) < 8 else math.isqrt(max(low, 1) * high)
        n_bins = max(low + 1, min(high - 1, guess))
    off = {n: abs(ratio - target) for n, ratio in reached.items()}
    nearest = min(off.values())
    best = min(n for n in off if off[n] <= nearest + TIE * target)
    return best, reached[best]


def _typical_distance(rows: Rows, queries: Array, probes: Probes) -> float:
    """Return the median distance from queries (m, d) to the nearest training latent that is not held out."""
    nearest = np.full(len(queries), np.inf)
    scaled = queries / probes.scale
    for batch in rows():
        if probes.threshold >= 0:
            batch = batch[row_hash(batch) > probes.threshold]
        if len(batch):
            nearest = np.minimum(nearest, nearest_rows(scaled, batch / probes.scale)[0])
    return float(np.median(nearest))


def _warn(reason: str, n_bins: int) -> None:
    warnings.warn(f'n_bins="auto": {reason}; using n_bins={n_bins}', CalibrationWarning, stacklevel=5)
