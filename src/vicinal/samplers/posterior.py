r"""The aggregate posterior: latents drawn from the Gaussians that a variational encoder returns.

.. math:: z_i = \mu_i + \sigma_i \odot e_i, \quad e_i \sim N(0, I)

One latent is drawn for each row. To draw m for each, repeat the rows: ``np.repeat(mu, m, axis=0)``, and likewise the
standard deviations. e_i depends on the seed and on i alone, and on no number that `sample` uses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vicinal import _arrays, _validation, rng
from vicinal._errors import InvalidInputError
from vicinal.samplers.given import is_dask, is_stream, of_files

_KEY = 0x706F7374  # makes the key of these draws another one than that of samples
_CHUNK = 1 << 20  # values drawn together


def draw(mu: Any, std: Any, random_state: Any) -> Any:
    """Return one latent for each row, (n, *event_shape), in the type, array library and device of the means.

    Parameters
    ----------
    mu : array_like of shape (n, *event_shape)
        Means, finite.
    std : array_like that broadcasts to the shape of ``mu``
        Standard deviations, finite and at least 0.
    random_state : int, None or numpy generator
        The seed; None takes fresh entropy.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For means or standard deviations that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> draw(np.zeros((3, 1)), [[0.0], [1.0], [1.0]], random_state=0).round(2)
    array([[ 0.  ],
           [ 0.1 ],
           [-0.37]])
    """
    mu, std = of_files(mu), of_files(std)
    if is_dask(mu) or is_dask(std):
        raise InvalidInputError(
            "std goes with one array of means in memory; draw the latents of a dask array before fit, as in "
            "means + std * dask.array.random.default_rng(0).normal(size=means.shape, chunks=means.chunks)"
        )
    if is_stream(mu):
        raise InvalidInputError("std goes with one array of means; draw the latents of batches before fit")
    means = _validation.check_rows(mu, "latents")
    deviations = _validation.check_array(std, "std")
    try:
        deviations = np.broadcast_to(deviations, means.shape)
    except ValueError:
        raise InvalidInputError(
            f"std must have the shape of the latents, {means.shape}, or broadcast to it; got {deviations.shape}"
        ) from None
    _validation.check_finite(deviations, "std")
    if (deviations < 0).any():
        raise InvalidInputError(
            f"std must be at least 0; got {deviations.min():g}. Standard deviations of log variances are "
            "np.exp(logvar / 2)"
        )
    drawn, d = means.astype(means.dtype, copy=True), math.prod(means.shape[1:])
    key, step = rng.seed_key(random_state) ^ _KEY, max(1, _CHUNK // d)
    for first in range(0, len(means), step):
        part = slice(first, first + step)
        rows = np.arange(first, min(first + step, len(means)), dtype=np.uint64)
        noise = rng.normals(key, rows, d).reshape(len(rows), *means.shape[1:])
        drawn[part] = means[part] + deviations[part] * noise
    return _arrays.from_numpy(drawn, _arrays.tensor_kind(mu))
