r"""Calibration: a hyperparameter is chosen so that samples are as far away as fresh data.

`vicinal.samplers.novelty` says what new means: a ratio of distances to the nearest training latent, of samples over
fresh latents. One of these hyperparameters is chosen so that the ratio meets a target:

- the number of bins: the ratio falls about as 1 / n_bins. The most bins that meet the target are taken;
- the number of neighbours of `LocalSampler`: the ratio rises with its logarithm;
- the scale of `LocalSampler`: the ratio rises with it. It is changed only if no number of neighbours meets the target;
- the bandwidth of a kernel density estimate: the ratio rises with it.

A warning gives the reason if the target is missed, and if the samples fail a check of `vicinal.samplers.novelty`.

A subset of fixed size is used for fresh latents and to make samples, so the cost is linear in rows and dimensions. It
is chosen by a hash of the values of each latent. So it does not depend on the order of the rows, or on the batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.neighbors import LEVEL
from vicinal.samplers.cells import Grid
from vicinal.samplers.novelty import VARIANCE_CHANGE, NothingToCompareError, Novelty, Reached, warn
from vicinal.samplers.probes import KEY
from vicinal.samplers.survey import Reducible, Survey

MOST_BINS = 4096
FALLBACK_BINS = 16
FALLBACK_NEIGHBORS = 16
TOLERANCE = 0.1  # share of the target; a larger error gives a warning
WHOLE_TOLERANCE = 0.25  # the same for too few bins, since the number of bins is whole
TIE = 0.02  # share of the target; the number of bins is as good if it falls short by no more
CLOSE = 0.015  # share of the target; the search stops here, as the subset resolves no smaller difference
SAFE = 0.5  # p-value that the search for neighbours asks for, so that a test by other fresh latents does not fail
_FIRST_NEIGHBORS = 32  # first trial of the search
_FIRST_BINS = 8
_AHEAD = (8, 2, 4, 16, 32)  # numbers of bins measured first, where a pass costs much
_MORE, _FEWER = 0.04, 0.065  # rough change of the nn ratio if the number of neighbours is doubled or halved
_MOST_TRIALS = 12
_KEEPS_VARIANCE = "LocalSampler follows dense and sparse regions, and keeps the variance"


def calibrate_bins(
    train: Reducible,
    survey: Survey,
    lower: Array,
    upper: Array,
    target: float,
    held_out: Array | None = None,
    *,
    ahead: bool = False,
) -> tuple[int, dict[str, float]]:
    """Return the number of bins, and the fitted attributes of a calibration; warn with the reason if it fails.

    Parameters
    ----------
    train, survey, held_out
        As for `Novelty`.
    lower, upper : ndarray of shape (d,)
        Bounds of the grid.
    target : float
        Target of the nn ratio, above 0.
    ahead : bool
        Whether a pass over the latents costs much. Numbers of bins that the search may ask for next are then measured
        in the same pass. The result is the same.

    Returns
    -------
    n_bins : int
        From 1 to 4096; 16 if no calibration is possible.
    state : dict
        ``nn_ratio_`` and ``nn_ratio_se_``; NaN if no calibration is possible.
    """

    def draw(sources: Array, n_bins: int) -> Array:
        grid = Grid.over(lower, upper, n_bins)
        uniforms = rng.Draws(KEY, 0, len(sources)).uniforms(sources.shape[1]).astype(lower.dtype)
        return np.minimum(grid.lower + (grid.codes(sources) + uniforms) * grid.width, grid.upper)

    first = _AHEAD if ahead else (_FIRST_BINS,)
    try:
        novelty = Novelty(train, survey, held_out, target, lambda sources: [draw(sources, n) for n in first])
    except NothingToCompareError as error:
        warn('n_bins="auto"', [str(error)], f"n_bins={FALLBACK_BINS}")
        return FALLBACK_BINS, {"nn_ratio_": math.nan, "nn_ratio_se_": math.nan}
    sources, tried = novelty.sources, dict(zip(first, novelty.ahead, strict=True))

    def ratio(n_bins: int) -> float:
        if n_bins not in tried:
            some = _around(n_bins) if ahead else [n_bins]
            tried.update(zip(some, novelty.reached(*(draw(sources, n) for n in some)), strict=True))
        return tried[n_bins].ratio

    n_bins, _ = _search_bins(ratio, (1 - TIE) * target)
    if novelty.on_lattice(tried[n_bins]):
        n_bins = FALLBACK_BINS
        ratio(n_bins)
    grid, missed = Grid.over(lower, upper, n_bins), _missed_by_bins(n_bins, tried[n_bins].ratio, target)
    unit = grid.width.max().astype(np.float64)  # the largest value has a square
    variances = (grid.codes(sources).var(axis=0) + 1 / 12) * np.square(grid.width / unit)
    ratio_of_variances = variances.sum() / (sources / unit).var(axis=0).sum()
    reasons = novelty.reasons(tried[n_bins], missed, ratio_of_variances)
    if reasons:
        warn('n_bins="auto"', reasons, f"n_bins={n_bins}", _KEEPS_VARIANCE)
    return n_bins, novelty.state(tried[n_bins])


def calibrate_neighbors(
    novelty: Novelty,
    draw: Callable[[int, float], Array],
    variance_ratio: Callable[[int, float], float],
    n_neighbors: int | None,
    scale: float | None,
    most: int,
) -> tuple[int, float, dict[str, float]]:
    """Return the number of neighbours, the scale, and the fitted attributes of a calibration; warn if it fails.

    Parameters
    ----------
    novelty : Novelty
        Measures samples, and has the target.
    draw, variance_ratio : callable
        Functions of the number of neighbours and the scale; they return samples, and their total variance over that of
        the latents.
    n_neighbors : int or None
        The number of neighbours; None searches for it, from 2 to ``most``.
    scale : float or None
        The scale; None takes 1, and searches only if no number of neighbours meets the target.
    """
    target, tried = novelty.target, dict[tuple[int, float], Reached]()

    def ratio(k: int, a: float, safe: float = LEVEL) -> float:
        (tried[k, a],) = novelty.reached(draw(k, a))
        found = tried[k, a].ratio
        return (1 - 2 * CLOSE) * min(found, target) if novelty.too_near(tried[k, a], safe) else found

    a, found = 1.0 if scale is None else scale, n_neighbors
    if found is None:
        found, _ = _search_neighbors(lambda k: ratio(k, a, SAFE), target, most)
    else:
        ratio(found, a)
    if novelty.on_lattice(tried[found, a]):
        found = min(FALLBACK_NEIGHBORS, most) if n_neighbors is None else found
        ratio(found, a)
    elif scale is None and found > 1 and _misses(novelty, tried[found, a], both=n_neighbors is not None):
        scaled, _ = _search_scale(lambda a: ratio(found, a), target)
        # Where the number of neighbours was searched, more variance is the price of a high target only.
        if n_neighbors is not None or target > 1 or variance_ratio(found, scaled) <= 1 + VARIANCE_CHANGE:
            a = scaled
    reached = tried[found, a]
    reasons = novelty.reasons(reached, _missed(reached.ratio, target), variance_ratio(found, a))
    if reasons:
        warn("LocalSampler", reasons, f"n_neighbors={found} and scale={a:.3g}")
    return found, a, novelty.state(reached)


def calibrate_bandwidth(
    novelty: Novelty,
    draw: Callable[[float], Array],
    variance_ratio: Callable[[float], float],
    fallback: float,
) -> tuple[float, dict[str, float]]:
    """Return the bandwidth, and the fitted attributes of a calibration; warn with the reason if it fails.

    Parameters
    ----------
    novelty : Novelty
        Measures samples, and has the target.
    draw, variance_ratio : callable
        Functions of the bandwidth; they return samples, and their total variance over that of the latents.
    fallback : float
        The bandwidth for latents that lie on a lattice.
    """
    target, tried = novelty.target, dict[float, Reached]()

    def ratio(bandwidth: float) -> float:
        (tried[bandwidth],) = novelty.reached(draw(bandwidth))
        return tried[bandwidth].ratio

    bandwidth, _ = _search_scale(ratio, (1 + CLOSE / 2) * target)
    if novelty.on_lattice(tried[bandwidth]):
        bandwidth = fallback
        ratio(bandwidth)
    reached = tried[bandwidth]
    reasons = novelty.reasons(reached, _missed(reached.ratio, target), variance_ratio(bandwidth))
    if reasons:
        warn("KDESampler", reasons, f"bandwidth={bandwidth:.3g}", _KEEPS_VARIANCE)
    return bandwidth, novelty.state(reached)


def _misses(novelty: Novelty, reached: Reached, *, both: bool) -> bool:
    """Return whether samples are nearer to the training latents than the target, or with ``both`` farther."""
    noise = 2 * max(CLOSE, novelty.resolution)
    if reached.ratio < (1 + CLOSE) * novelty.target:
        return reached.ratio < (1 - noise) * novelty.target or novelty.too_near(reached)
    return both and reached.ratio > (1 + noise) * novelty.target


def _missed(ratio: float, target: float) -> str | None:
    return None if abs(ratio - target) <= TOLERANCE * target else f"the nearest found is {ratio:.2f}"


def _missed_by_bins(n_bins: int, ratio: float, target: float) -> str | None:
    if (1 - TOLERANCE) * target <= ratio <= (1 + WHOLE_TOLERANCE) * target:
        return None
    if n_bins == 1 and ratio < target:
        return f"even one bin, the whole box, reaches only {ratio:.2f}"
    if n_bins == MOST_BINS and ratio > target:
        return f"{MOST_BINS} bins, the most that are tried, still give {ratio:.3g}"
    return f"the nearest that whole numbers of bins give is {ratio:.2f}"


def _around(n_bins: int) -> list[int]:
    """Return numbers of bins that the search may ask for after ``n_bins``, which is the first."""
    near = {round(n_bins * 2 ** (step / 8)) for step in range(-4, 5)} | {n_bins - 1, n_bins + 1}
    return [n_bins, *sorted(n for n in near if 1 <= n <= MOST_BINS and n != n_bins)]


def _search_bins(ratio: Callable[[int], float], target: float) -> tuple[int, float]:
    """Return the most bins whose ratio meets the target, and this ratio, which falls about as 1 / n_bins."""
    reached: dict[int, float] = {}
    low, high, n_bins = 0, MOST_BINS + 1, _FIRST_BINS
    while high - low > 1:
        reached[n_bins] = ratio(n_bins)
        if reached[n_bins] >= target:
            low = n_bins
        else:
            high = n_bins
        guess = round(n_bins * reached[n_bins] / target) if len(reached) < 8 else math.isqrt(max(low, 1) * high)
        n_bins = max(low + 1, min(high - 1, guess))
    best = max((n for n in reached if reached[n] >= target), default=min(reached))
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
