r"""Quantization cells as a probability mass function: the sampler this library exists for.

Latents z of shape (n, d) are cut into ``n_bins`` bins in each dimension:

.. math::
    \mathrm{lower}_j = \min_i z_{ij}, \quad
    \mathrm{width}_j = (\max_i z_{ij} - \mathrm{lower}_j) / n_\mathrm{bins}, \quad
    c_{ij} = \min(\lfloor (z_{ij} - \mathrm{lower}_j) / \mathrm{width}_j \rfloor, n_\mathrm{bins} - 1)

The occupied cells carry the mass p(c) = count(c) / n. A sample is a point drawn uniformly from a
cell drawn by its mass:

.. math::
    c \sim p, \quad z_j = \mathrm{lower}_j + (c_j + u_j)\,\mathrm{width}_j, \quad u_j \sim U[0, 1)

so its density is p(c) over the volume of a cell, and zero in every empty cell. Fitting is one pass
for the bounds and one for the codes: O(n d), no iterations, no second training stage.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation, kernels
from vicinal._errors import InvalidInputError
from vicinal.samplers.base import DensitySampler

Array = np.ndarray[Any, Any]

MAX_BINS = 2**24  # float32 counts no further in steps of one


class PMFSampler(DensitySampler):
    r"""Sample uniformly from the occupied quantization cells of the training latents.

    .. math:: p(z) = \frac{\mathrm{count}(\mathrm{cell}(z))}{n \prod_j \mathrm{width}_j}

    Few bins smooth much: samples are new, and blurred. Many bins smooth little: samples are sharp,
    and close to copies of the training latents. Judge the choice by novelty as much as by quality
    (`vicinal.metrics.nn_ratio`).

    Parameters
    ----------
    n_bins : int
        Bins in each dimension, from 1 to 2**24.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (d,)
        Smallest and largest training latent in each dimension.
    bin_width_ : ndarray of shape (d,)
        Width of a bin; 0 for a constant dimension, which is returned as it is.
    n_bins_ : int
        Bins in each dimension.
    cells_ : ndarray of unsigned int, shape (n_cells, d)
        Codes of the occupied cells, in lexicographic order whatever the order of the training rows.
    counts_ : ndarray of int64, shape (n_cells,)
        Training latents in each cell.
    n_samples_seen_ : int
        Training latents, n.

    See Also
    --------
    KDESampler : the same idea with Gaussians around the latents instead of cells on a grid.
    BootstrapSampler : the limit of infinitely many bins.

    References
    ----------
    A. Bouayed, A. Iaccovelli, D. Naccache, "Sampling from autoencoders' latent space via quantization
    and probability mass function concepts", 2023, arXiv:2308.10704.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.array([[0.0, 0.0], [0.1, 0.2], [1.0, 1.0]], dtype=np.float32)
    >>> sampler = PMFSampler(n_bins=2, random_state=0).fit(latents)
    >>> sampler.cells_.tolist(), sampler.counts_.tolist()
    ([[0, 0], [1, 1]], [2, 1])
    >>> sampler.sample(1000).shape
    (1000, 2)
    >>> np.exp(sampler.score_samples(np.array([[0.3, 0.3], [0.3, 0.7]], dtype=np.float32))).round(3)
    array([2.667, 0.   ])
    """

    n_bins_: int
    lower_: Array
    upper_: Array
    bin_width_: Array
    cells_: Array
    counts_: Array
    n_samples_seen_: int

    def __init__(self, n_bins: int = 16, *, random_state: Any = None) -> None:
        self.n_bins = n_bins
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        n_bins = _validation.check_integer(self.n_bins, "n_bins", minimum=1, maximum=MAX_BINS)
        kernel = kernels.select()
        lower, upper = kernel.bounds(X)
        with np.errstate(over="ignore"):
            bin_width = (upper - lower) / X.dtype.type(n_bins)
        if not np.isfinite(bin_width).all():
            raise InvalidInputError(
                f"latents must span less than {np.finfo(X.dtype).max:.1e} in each dimension, or their width is "
                f"infinite in {X.dtype}; dimension {int(np.argmin(np.isfinite(bin_width)))} does not: rescale it"
            )
        cells, counts = kernel.unique_cells(kernel.quantize(X, lower, bin_width, n_bins), n_bins)
        return {
            "n_bins_": n_bins,
            "lower_": lower,
            "upper_": upper,
            "bin_width_": bin_width,
            "cells_": cells,
            "counts_": counts,
            "n_samples_seen_": len(X),
        }

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        kernel = kernels.select()
        drawn = kernel.draw_cells(np.cumsum(self.counts_), key=key, start=start, n_samples=n_samples)
        grid = (self.lower_, self.upper_, self.bin_width_, self.n_bins_)
        latents: Array = kernel.fill_cells(self.cells_, drawn, *grid, key=key, start=start)
        return latents

    def _score_samples(self, X: Array) -> Array:
        kernel = kernels.select()
        X = X.astype(self.lower_.dtype, copy=False)
        inside = ((self.lower_ <= X) & (self.upper_ >= X)).all(axis=1)
        cell = kernel.find_cells(kernel.quantize(X, self.lower_, self.bin_width_, self.n_bins_), self.cells_)
        log_volume = np.log(self.bin_width_[self.bin_width_ > 0].astype(np.float64)).sum()
        log_density = np.log(self.counts_[cell]) - np.log(self.n_samples_seen_) - log_volume
        return np.where(inside & (cell >= 0), log_density, -np.inf)
