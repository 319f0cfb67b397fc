r"""Ranks of a training latent, each moved a little, and the marginal distributions.

With r_ij the rank of latent i in dimension j, from 1 to n, and Q_j the quantile function of dimension j, linear between
the order statistics:

.. math:: i \sim U\{1, \dots, n\}, \quad z_j = Q_j(u_j)

where u_j is uniform on the bin of r_ij among m bins (checkerboard), or u_j ~ Beta(r_ij, n + 1 - r_ij) (beta). After a
fit with labels, ranks and quantiles are those within the class of latent i.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import betaincinv

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.rng import Draws
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.by_class import class_of, class_state, draw_items, parts_of, starts_of
from vicinal.samplers.fitted import BY_CLASS, Fitted, attributes


class CopulaSampler(Sampler):
    """Draw from an empirical copula with the marginal distributions of the latents.

    It has no density: where latents repeat a value, their marginal distribution has none.

    Parameters
    ----------
    kind : {"checkerboard", "beta"}
        How ranks are moved: uniformly within a bin of ranks, or as the ranks of fresh samples vary.
    n_bins : int, optional
        Bins of the checkerboard in each dimension, m, each of n / m ranks; at most the number of latents. None takes
        n, which nearly copies.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    ranks_ : ndarray of int32 or int64, shape (n, d)
        Rank of each latent in each dimension, from 0. Equal values keep the order of the rows. After a fit with labels,
        the ranks of a class follow those of the class before it. A latent of weight w has w ranks; this is the first.
    sorted_ : ndarray of shape (n, d)
        The values of each dimension, sorted within each class.
    weights_, sorted_ranks_ : ndarray of int64, shapes (n,) and (n, d)
        Weights of the latents, and ``ranks_`` sorted; only after a fit with weights.
    effective_sizes_ : ndarray of float64, shape (n_classes,), or (1,) without labels
        Effective number of latents, n; only after a fit with weights.
    classes_, class_starts_ : ndarray
        As in `BootstrapSampler`, with rows of ``ranks_`` and ``sorted_`` in place of latents.

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

    _expected = attributes(
        ranks_=Fitted("n d", 0, whole=True),
        sorted_=Fitted("n d"),
        sorted_ranks_=Fitted("n d", 0, whole=True, needed=False),
        effective_sizes_=Fitted("c", 0, needed=False),
        **BY_CLASS,
    )

    ranks_: Array
    sorted_: Array

    def _check_fitted(self) -> None:
        n_rows = self.weights_.sum() if hasattr(self, "weights_") else len(self.ranks_)
        if self.ranks_.max() >= n_rows:
            raise FileFormatError(f"ranks_ must be below {n_rows}; got {self.ranks_.max()}")
        if hasattr(self, "sorted_ranks_") and not np.array_equal(self.sorted_ranks_, np.sort(self.ranks_, axis=0)):
            raise FileFormatError("sorted_ranks_ must be the ranks_ in order; they are not")
        if hasattr(self, "weights_") != hasattr(self, "sorted_ranks_") or hasattr(self, "weights_") != hasattr(
            self, "effective_sizes_"
        ):
            raise FileFormatError("weights_, sorted_ranks_ and effective_sizes_ must come together; they do not")
        _validation.check_choice(self.kind, "kind", ("checkerboard", "beta"))
        if self.n_bins is not None:
            _validation.check_integer(self.n_bins, "n_bins", minimum=1)

    def __init__(self, kind: str = "checkerboard", *, n_bins: int | None = None, random_state: Any = None) -> None:
        self.kind = kind
        self.n_bins = n_bins
        self.random_state = random_state

    def _fit(self, batches: Batches) -> dict[str, Any]:
        training = Training.of(batches)
        rows, weights = training.rows, training.weights
        kind = _validation.check_choice(self.kind, "kind", ("checkerboard", "beta"))
        if self.n_bins is not None:
            if kind == "beta":
                raise InvalidInputError(f'n_bins go with kind="checkerboard" only; got n_bins={self.n_bins}')
            _validation.check_integer(self.n_bins, "n_bins", minimum=1, maximum=len(rows))
        ranks = np.empty(rows.shape, np.int32 if weights is None and len(rows) < 2**31 else np.int64)
        values, n_before = np.empty_like(rows), 0
        for first, last in pairwise(training.class_starts.tolist()):
            order = np.argsort(rows[first:last], axis=0, kind="stable")
            steps = np.ones_like(order) if weights is None else weights[first:last][order]
            ends = n_before + np.cumsum(steps, axis=0)
            np.put_along_axis(ranks[first:last], order, (ends - steps).astype(ranks.dtype), axis=0)
            values[first:last] = np.take_along_axis(rows[first:last], order, axis=0)
            n_before = int(ends[-1, 0])
        state = {"ranks_": ranks, "sorted_": values, **class_state(training)}
        if weights is not None:
            sizes = [part.counts.sum() for part in parts_of(training, batches)]
            state |= {"sorted_ranks_": np.sort(ranks, axis=0), "effective_sizes_": np.array(sizes)}
        return state

    def _sample(self, draws: Draws) -> Array:
        """Return samples as if each latent were repeated as often as its weight says."""
        weights = getattr(self, "weights_", None)
        starts = starts_of(self, len(self.ranks_))
        chosen, copies = draw_items(draws, weights, starts)
        places = class_of(starts, chosen)
        if weights is not None:
            starts = np.concatenate([[0], np.cumsum(weights)])[starts]  # in the repeated rows
        n = np.diff(starts)
        size = getattr(self, "effective_sizes_", n)[places, None]
        first, n = starts[places, None], n[places, None]
        place = self._levels(draws, self.ranks_[chosen] + copies[:, None] - first, n, size) * (n - 1)
        below = np.minimum(place.astype(np.int64), n - 1)
        low = self._values(first + below)
        high = self._values(first + np.minimum(below + 1, n - 1))
        latents: Array = low + (place - below) * (high - low)
        return latents

    def _levels(self, draws: Draws, ranks: Array, n: Array, size: Array) -> Array:
        """Return levels of the quantile functions for ranks from 0 to n - 1, both of shape (n_samples, d)."""
        uniforms = draws.uniforms(ranks.shape[1])
        if self.kind == "beta":
            scaled = ranks * ((size - 1.0) / np.maximum(n - 1.0, 1.0))  # the ranks, for whole weights
            return np.asarray(betaincinv(scaled + 1.0, size - scaled, uniforms))
        n_bins = np.maximum(np.rint(size), 1.0)
        if self.n_bins is not None:
            n_bins = np.minimum(self.n_bins, n_bins)
        return np.asarray((np.floor(ranks * n_bins / n) + uniforms) / n_bins)

    def _values(self, ranks: Array) -> Array:
        """Return the values with these ranks, (n_samples, d)."""
        if not hasattr(self, "sorted_ranks_"):
            return np.take_along_axis(self.sorted_, ranks, axis=0)
        columns = zip(self.sorted_.T, self.sorted_ranks_.T, ranks.T, strict=True)
        found = [values[np.searchsorted(known, wanted, side="right") - 1] for values, known, wanted in columns]
        return np.stack(found, axis=1)
