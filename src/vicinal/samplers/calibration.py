r"""Calibration: a hyperparameter is chosen so that samples are as new as fresh data.

With training latents T, fresh latents H and samples S, the nn ratio is

.. math::
    r = \frac{\mathrm{median}_{z \in S} \min_{t \in T} \lVert z - t \rVert}
             {\mathrm{median}_{z \in H} \min_{t \in T} \lVert z - t \rVert}

Each dimension is scaled by its standard deviation. Without fresh latents, training latents take their place, and each
is compared with all others that differ from it. One of these hyperparameters is chosen so that r meets a target:

- the number of bins: r falls about as 1 / n_bins. If two numbers are about equally good, the smaller is taken;
- the number of neighbours of `LocalSampler`: r rises with its logarithm;
- the scale of `LocalSampler`: r rises with it. It is changed only if no number of neighbours meets the target;
- the bandwidth of a kernel density estimate: r rises with it.

A subset of fixed size is used for H and to make S, so the cost is linear in rows and dimensions. It is chosen by a hash
of the values of each latent. So it does not depend on the order of the rows, or on the batches.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable

import numpy as np

from vicinal import neighbors, rng
from vicinal._arrays import Array
from vicinal._errors import CalibrationWarning, InvalidInputError
from vicinal.samplers.cells import Grid

Rows = Callable[[], Iterable[Array]]  # returns the batches of training latents (n, d) at every call

N_PROBES = 2000
FEWEST, FEWEST_DISTINCT = 50, 10  # latents, and distinct latents, that a calibration needs
MOST_BINS = 4096
FALLBACK_BINS = 16
FALLBACK_NEIGHBORS = 16
# Within this share of the target, the fewest bins are taken: an encoder places the latents that it was trained on
# slightly closer together than fresh ones, so ratios to held-out training latents are slightly too high.
TIE = 0.02
TOLERANCE = 0.1  # share of the target; a larger error gives a warning
CLOSE = 0.015  # share of the target; the search stops here, as the subset resolves no smaller difference
_FIRST_NEIGHBORS = 32  # first trial of the search
_MORE, _FEWER = 0.04, 0.065  # rough change of the nn ratio if the number of neighbours is doubled or halved
_MOST_TRIALS = 12
KEY = 0x76696369  # of the internal draws: the calibration is a function of the latents alone


class NothingToCompareError(Exception):
    """The latents do not allow a calibration; the message says why."""


class Novelty:
    """The nn ratio of samples to fresh latents, see `vicinal.neighbors`, scaled by the ``sources``.

    Parameters
    ----------
    rows : callable
        Gives the batches of training latents, float32 or float64, again at every call.
    held_out : ndarray of shape (m, d), optional
        Held-out latents. With None the sources take their place, each compared with all latents that differ from it.

    Raises
    ------
    NothingToCompareError
        If there are too few latents, or too few different ones.

    Attributes
    ----------
    sources : ndarray of shape (k, d)
        Training latents to make samples from.
    """

    def __init__(self, rows: Rows, held_out: Array | None = None) -> None:
        self._rows, self.sources = rows, _probes(rows())
        try:
            self._scaling = neighbors.Scaling.of(self.sources)
        except InvalidInputError as error:
            raise NothingToCompareError(str(error)) from None
        if held_out is None:
            self._fresh = neighbors.nearest_distances(self.sources, rows(), self._scaling, other=True)
        else:
            self._fresh = neighbors.nearest_distances(_least_hashed([held_out])[0], rows(), self._scaling)
            if np.median(self._fresh) == 0:
                raise NothingToCompareError("half of the held-out latents are copies of training latents")

    def ratio(self, samples: Array) -> float:
        """Return the nn ratio of samples (k, d)."""
        return neighbors.nn_ratio(neighbors.nearest_distances(samples, self._rows(), self._scaling), self._fresh)


def calibrate_bins(
    rows: Rows,
    lower: Array,
    upper: Array,
    target: float,
    held_out: Array | None = None,
) -> tuple[int, float]:
    """Return the number of bins and the nn ratio it reaches; warn with the reason if the target is missed.

    Parameters
    ----------
    rows, held_out
        As for `Novelty`.
    lower, upper : ndarray of shape (d,)
        Bounds of the grid.
    target : float
        Target of the nn ratio, above 0.

    Returns
    -------
    n_bins : int
        From 1 to 4096; 16 if no calibration is possible.
    nn_ratio : float
        NaN if no calibration is possible.
    """
    try:
        novelty = Novelty(rows, held_out)
    except NothingToCompareError as error:
        _warn('n_bins="auto"', str(error), f"n_bins={FALLBACK_BINS}")
        return FALLBACK_BINS, float("nan")
    sources = novelty.sources
    uniforms = rng.Draws(KEY, 0, len(sources)).uniforms(sources.shape[1]).astype(lower.dtype)

    def ratio(n_bins: int) -> float:
        grid = Grid.over(lower, upper, n_bins)
        samples = np.minimum(grid.lower + (grid.codes(sources) + uniforms) * grid.width, grid.upper)
        return novelty.ratio(samples)

    n_bins, reached = _search_bins(ratio, target)
    if abs(reached - target) > TOLERANCE * target:
        reason = f"the nearest that whole numbers of bins give is {reached:.2f}"
        if n_bins == 1 and reached < target:
            reason = f"even one bin, the whole box, reaches only {reached:.2f}"
        elif n_bins == MOST_BINS and reached > target:
            reason = f"{MOST_BINS} bins, the most that are tried, still give {reached:.2f}"
        _warn('n_bins="auto"', _missed(target, reason), f"n_bins={n_bins}")
    return n_bins, reached


def calibrate_neighbors(
    ratio: Callable[[int, float], float], target: float, n_neighbors: int | None, scale: float | None, most: int
) -> tuple[int, float, float]:
    """Return the number of neighbours, the scale, and the nn ratio they reach; warn if the target is missed.

    Parameters
    ----------
    ratio : callable
        Function of the number of neighbours and the scale; returns the nn ratio.
    target : float
        Target of the nn ratio, above 0.
    n_neighbors : int or None
        The number of neighbours; None searches for it, from 2 to ``most``.
    scale : float or None
        The scale; None takes 1, and searches only if no number of neighbours meets the target.
    """
    a, found = 1.0 if scale is None else scale, n_neighbors
    if found is None:
        found, reached = _search_neighbors(lambda k: ratio(k, a), target, most)
    else:
        reached = ratio(found, a)
    too_low, too_high = reached < (1 - 2 * CLOSE) * target, reached > (1 + 2 * CLOSE) * target
    if scale is None and found > 1 and (too_low or (too_high and n_neighbors is not None)):
        a, reached = _search_scale(lambda a: ratio(found, a), target)
    if abs(reached - target) > TOLERANCE * target:
        reason = f"the nearest found is {reached:.2f}"
        _warn("LocalSampler", _missed(target, reason), f"n_neighbors={found} and scale={a:.3g}")
    return found, a, reached


def calibrate_bandwidth(ratio: Callable[[float], float], target: float) -> tuple[float, float]:
    """Return the bandwidth and the nn ratio it reaches; warn if the target is missed.

    Parameters
    ----------
    ratio : callable
        Function of the bandwidth; returns the nn ratio.
    target : float
        Target of the nn ratio, above 0.
    """
    bandwidth, reached = _search_scale(ratio, target)
    if abs(reached - target) > TOLERANCE * target:
        _warn("KDESampler", _missed(target, f"the nearest found is {reached:.2f}"), f"bandwidth={bandwidth:.3g}")
    return bandwidth, reached


def warn_of_fallback(sampler: str, error: Exception, used: str) -> None:
    """Warn that no calibration is possible, with the reason and the value that is used."""
    _warn(sampler, str(error), used)


def _probes(batches: Iterable[Array]) -> Array:
    """Return the training latents with the smallest hashes, (k, d); raise if they are too few or too alike."""
    probes, hashes, n = _least_hashed(batches)
    if n < FEWEST:
        raise NothingToCompareError(f"at least {FEWEST} latents are needed, and there are {n}")
    n_distinct = len(np.unique(hashes))
    if n_distinct < FEWEST_DISTINCT:
        raise NothingToCompareError(f"latents repeat: among {len(probes)} only {n_distinct} are distinct")
    return probes


def _least_hashed(batches: Iterable[Array]) -> tuple[Array, Array, int]:
    """Return the rows with the smallest hashes, (k, d), these hashes, (k,), and the number of all rows."""
    rows, hashes, n = np.zeros((0, 0)), np.zeros(0, np.uint64), 0
    for batch in batches:
        rows = np.concatenate([rows, batch]) if n else batch
        hashes = np.concatenate([hashes, row_hash(batch)]) if n else row_hash(batch)
        least = np.argsort(hashes, kind="stable")[:N_PROBES]
        rows, hashes, n = rows[least], hashes[least], n + len(batch)
    return rows, hashes, n


def row_hash(rows: Array) -> Array:
    """Return a 64-bit hash of each row (n, d) of floats; +0.0 and -0.0 give the same hash."""
    words = (rows + 0).view(np.uint32)
    odd = rng.Draws(KEY, 0, words.shape[1]).words(rng.UNIFORM, 2)
    odd = odd[:, 0] << np.uint64(32) | odd[:, 1] | np.uint64(1)
    mixed = np.zeros(len(rows), np.uint64)
    for word, multiplier in zip(words.T, odd, strict=True):
        mixed = (mixed ^ word) * multiplier
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _search_bins(ratio: Callable[[int], float], target: float) -> tuple[int, float]:
    """Return the number of bins with the ratio closest to the target; the ratio falls about as 1 / n_bins."""
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
    errors = {n: abs(ratio - target) for n, ratio in reached.items()}
    best = min(n for n in errors if errors[n] <= min(errors.values()) + TIE * target)
    return best, reached[best]


def _search_neighbors(ratio: Callable[[int], float], target: float, most: int) -> tuple[int, float]:
    """Return the number of neighbours with the ratio closest to the target; the ratio rises with its logarithm."""
    reached: dict[int, float] = {}
    least = min(2, most)  # a neighbourhood of one latent gives copies
    low, high, k, before = least - 1, most + 1, min(_FIRST_NEIGHBORS, most), 0
    while high - low > 1 and len(reached) < _MOST_TRIALS:
        reached[k] = ratio(k)
        if abs(reached[k] - target) <= CLOSE * target:
            break
        low, high = (k, high) if reached[k] < target else (low, k)
        step = _MORE if reached[k] < target else _FEWER
        if before in reached:
            measured = (reached[k] - reached[before]) / math.log2(k / before)  # a noisy slope, so it is averaged
            step = (step + min(3 * step, max(0.0, measured))) / 2
        if low in reached and high in reached:
            share = (target - reached[low]) / (reached[high] - reached[low])
            guess = low * (high / low) ** share
        else:
            guess = k * 2 ** min(3.0, max(-3.0, (target - reached[k]) / step))
        before, k = k, max(low + 1, min(high - 1, round(guess)))
    best = min(reached, key=lambda k: abs(reached[k] - target))
    return best, reached[best]


def _search_scale(ratio: Callable[[float], float], target: float) -> tuple[float, float]:
    """Return the scale with the ratio closest to the target; the ratio rises with it, at first linearly."""
    reached: dict[float, float] = {}
    low, high, scale = 0.0, math.inf, 1.0
    while len(reached) < _MOST_TRIALS:
        reached[scale] = ratio(scale)
        if abs(reached[scale] - target) <= CLOSE * target / 2:
            break
        low, high = (scale, high) if reached[scale] < target else (low, scale)
        if low > 0 and high < math.inf:
            share = (target - reached[low]) / (reached[high] - reached[low])
            scale = low + (high - low) * min(0.9, max(0.1, share))
        else:
            scale *= min(8.0, max(1 / 8, target / max(reached[scale], 1e-9)))
    best = min(reached, key=lambda scale: abs(reached[scale] - target))
    return best, reached[best]


def _missed(target: float, reason: str) -> str:
    return f"the nn ratio cannot be brought to {target:g}: {reason}"


def _warn(parameter: str, reason: str, used: str) -> None:
    warnings.warn(f"{parameter}: {reason}; using {used}", CalibrationWarning, stacklevel=6)
