r"""Ranks of a training latent, each moved a little, and the marginal distributions.

With r_ij the rank of latent i in dimension j, from 1 to n, and Q_j the quantile function of dimension j, linear between
the order statistics:

.. math:: i \sim U\{1, \dots, n\}, \quad z_j = Q_j(u_j)

where u_j is uniform on the bin of r_ij among m bins (checkerboard), or u_j ~ Beta(r_ij, n + 1 - r_ij) (beta).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation, rng
from vicinal._errors import InvalidInputError
from vicinal.samplers.base import ArrayFitMixin

Array = np.ndarray[Any, Any]


class CopulaSampler(ArrayFitMixin):
    """Draw from an empirical copula with the marginal distributions of the latents.

    It has no density: where latents repeat a value, their marginal distribution has none.

    Parameters
    ----------
    kind : {"checkerboard", "beta"}
        How ranks are moved: uniformly within a bin of ranks, or as the ranks of fresh samples vary.
    n_bins : int, optional
        Bins of the checkerboard in each dimension, m, each of n / m ranks; None takes n, which nearly copies.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    ranks_ : ndarray of int32 or int64, shape (n, d)
        Rank of each latent in each dimension, from 0; equal values in the order of the rows.
    sorted_ : ndarray of shape (n, d)
        The values of each dimension, sorted.

    See Also
    --------
    PMFSampler : bins of equal width instead of equal counts.

    References
    ----------
    O. Grothe, F. Kaechele, "Latent space sampling by empirical copulas", 2023, arXiv:2309.09916.
    J. Segers, M. Sibuya, H. Tsukahara, "The empirical beta copula", Journal of Multivariate Analysis 155, 2017,
    arXiv:1607.04430.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.arange(10.0)[:, None] * [1.0, -1.0]
    >>> drawn = CopulaSampler(n_bins=2, random_state=0).fit(latents).sample(1000)
    >>> bool(((drawn[:, 0] < 4.5) == (drawn[:, 1] > -4.5)).all())
    True
    """

    ranks_: Array
    sorted_: Array

    def __init__(self, kind: str = "checkerboard", *, n_bins: int | None = None, random_state: Any = None) -> None:
        self.kind = kind
        self.n_bins = n_bins
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        kind = _validation.check_choice(self.kind, "kind", ("checkerboard", "beta"))
        if self.n_bins is not None:
            if kind == "beta":
                raise InvalidInputError(f'n_bins go with kind="checkerboard" only; got n_bins={self.n_bins}')
            _validation.check_integer(self.n_bins, "n_bins", minimum=1, maximum=len(X))
        order = np.argsort(X, axis=0, kind="stable")
        ranks = np.empty(X.shape, np.int32 if len(X) < 2**31 else np.int64)
        np.put_along_axis(ranks, order, np.arange(len(X), dtype=ranks.dtype)[:, None], axis=0)
        return {"ranks_": ranks, "sorted_": np.take_along_axis(X, order, axis=0)}

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        n, d = self.ranks_.shape
        ranks = self.ranks_[rng.choices(key, start, n_samples, n)]
        uniforms = rng.uniforms(key, start, n_samples, d)
        if self.kind == "beta":
            from scipy.special import betaincinv  # late: it takes long to load

            levels = betaincinv(ranks + 1.0, n - ranks.astype(np.float64), uniforms)
        else:
            n_bins = n if self.n_bins is None else self.n_bins
            levels = (ranks.astype(np.int64) * n_bins // n + uniforms) / n_bins
        place = levels * (n - 1)
        below = np.minimum(place.astype(np.int64), n - 1)
        low = np.take_along_axis(self.sorted_, below, axis=0)
        high = np.take_along_axis(self.sorted_, np.minimum(below + 1, n - 1), axis=0)
        latents: Array = low + (place - below) * (high - low)
        return latents
