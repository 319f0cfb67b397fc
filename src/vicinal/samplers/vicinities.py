r"""Samples near one latent, and paths from one latent to another.

A vicinity is an occupied cell of `PMFSampler`, with its middle as centre, or a neighbourhood of `LocalSampler`, with
its mean. A path from a to b goes straight from centre to centre, through those that minimise

.. math:: \sum_{i=0}^{k} \lVert c_{i+1} - c_i \rVert^2, \quad c_0 = a, \; c_{k+1} = b

Squares make two short steps cheaper than a long one, so it keeps to where latents are dense.

References
----------
S. J. Hwang, S. B. Damelin, A. O. Hero, "Shortest path through random points", Annals of Applied Probability 26(5),
2016, arXiv:1202.0045.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _arrays, _validation, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.rng import Draws
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import working_copy

MOST_CENTRES = 2048  # that a path is searched in: an evenly spaced part of them, where there are more


class VicinitySampler(Sampler):
    """A sampler that is made of vicinities."""

    @abstractmethod
    def _sample_near(self, draws: Draws, latent: Array) -> Any:
        """Return samples (n_samples, d) of the vicinity that is nearest to a latent (d,)."""

    @abstractmethod
    def _centres(self) -> tuple[Array, Array]:
        """Return the centres of vicinities, (n_vicinities, d) float64, and the unit of each dimension, (d,)."""

    def _into_vicinities(self, points: Array) -> Array:
        """Return the nearest points of vicinities to points (n, d) of a path."""
        return points

    def vicinity(self, latent: Any, n_samples: int = 1, *, random_state: Any = None, start: int = 0) -> Any:
        """Draw samples from the vicinity of a latent.

        `PMFSampler` takes the cell that the latent is in, or else the nearest. `LocalSampler` takes the neighbourhood
        of the nearest training latent.

        Parameters
        ----------
        latent : array_like of shape event_shape_
            One latent.
        n_samples, random_state, start
            As in `sample`. The same seed gives the same random numbers near every latent.

        Returns
        -------
        ndarray or torch.Tensor of shape (n_samples, *event_shape_)
            As `sample` returns them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For arguments that cannot be used.

        Examples
        --------
        >>> import numpy as np
        >>> from vicinal.samplers import PMFSampler
        >>> sampler = PMFSampler(4, random_state=0).fit(np.array([[0.0], [1.1], [4.0]]))
        >>> near = sampler.vicinity([1.5], 100)
        >>> bool((near >= 1).all() and (near < 2).all())
        True
        """
        check_is_fitted(self)
        n_samples, start = _validation.check_row_range(n_samples, start)
        row = self._as_row(latent, "latent")
        key = rng.seed_key(self.random_state if random_state is None else random_state)
        return self._finished(self._sample_near(Draws(key, start, n_samples), row))

    def path(self, first: Any, last: Any, n_points: int = 10) -> Any:
        """Return evenly spaced points on the path from one latent to another; nothing is random.

        Those of `PMFSampler` are moved to the nearest point of an occupied cell, 2**-10 of a bin inside, so that each
        has a density above zero.

        Parameters
        ----------
        first, last : array_like of shape event_shape_
            Two latents.
        n_points : int
            At least 2, with both ends.

        Returns
        -------
        ndarray or torch.Tensor of shape (n_points, *event_shape_)
            As `sample` returns them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For arguments that cannot be used.

        Examples
        --------
        A path from one side of a ring to the other keeps to the ring:

        >>> import numpy as np
        >>> from vicinal.samplers import LocalSampler
        >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
        >>> sampler = LocalSampler(20, scale=1.0).fit(np.stack([np.cos(angle), np.sin(angle)], axis=1))
        >>> radii = np.linalg.norm(sampler.path([1.0, 0.0], [-1.0, 0.0], 50), axis=1)
        >>> bool(radii.min() > 0.98)
        True
        """
        check_is_fitted(self)
        n_points = _validation.check_integer(n_points, "n_points", minimum=2)
        ends = self._as_row(first, "first"), self._as_row(last, "last")
        centres, unit = self._centres()
        if len(centres) > MOST_CENTRES:
            centres = centres[np.linspace(0, len(centres) - 1, MOST_CENTRES).astype(int)]
        nodes = np.concatenate([ends[0][None], centres, ends[1][None]]).astype(np.float64)
        nodes = nodes[_shortest(nodes / unit)]
        steps = np.linalg.norm(np.diff(nodes / unit, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        places = np.linspace(0.0, along[-1], n_points)
        points = np.stack([np.interp(places, along, column) for column in nodes.T], axis=1)
        return self._finished(self._into_vicinities(points))

    def _as_row(self, latent: Any, name: str) -> Array:
        """Return one latent as (d,), in the type that latents are worked on in."""
        array = _arrays.to_numpy(latent)
        if array.shape != self.event_shape_:
            raise InvalidInputError(
                f"{name} must be one latent of shape {self.event_shape_}, as in fit; got shape {array.shape}"
            )
        rows = _validation.check_rows(array.reshape(1, -1), name)
        row: Array = working_copy(rows)[0]
        return row


def _shortest(nodes: Array) -> Array:
    """Return which of nodes (n, d) the path goes through, first to last, by Dijkstra's algorithm: O(n**2 d)."""
    cost = np.full(len(nodes), np.inf)
    before, is_open = np.zeros(len(nodes), dtype=int), np.ones(len(nodes), dtype=bool)
    cost[0], at = 0.0, 0
    while at != len(nodes) - 1:
        is_open[at] = False
        through = cost[at] + np.square(nodes - nodes[at]).sum(axis=1)
        shorter = is_open & (through < cost)
        cost[shorter], before[shorter] = through[shorter], at
        at = int(np.where(is_open, cost, np.inf).argmin())
    path = [at]
    while path[-1] != 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
