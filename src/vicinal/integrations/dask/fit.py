"""A sampler for latents in a dask collection; they are worked on where they are."""

from __future__ import annotations

from typing import Any

from vicinal._errors import InvalidTypeError
from vicinal.samplers import Sampler
from vicinal.samplers.given import is_dask


def fit(sampler: Sampler, X: Any, y: Any = None, sample_weight: Any = None, calibration_latents: Any = None) -> Sampler:
    """Fit a sampler to latents in a dask collection, as ``sampler.fit(X)`` does.

    Every pass over the latents is a task for each chunk, on the worker that holds it, and a tree of merges. The result
    does not depend on the chunks and the workers, to the bit. A worker that is lost changes nothing: its chunks are
    worked on again.

    - `PMFSampler`: bounds, distances to a few thousand samples, and tables of cells travel; latents never do. The
      sampler equals that of a fit to the same latents in memory.
    - `LocalSampler`: each latent moves once, to the worker of its leaf, see `vicinal.samplers.local.beyond_memory`. The
      leaves are fitted there, and then gathered, in a file if there are several. Up to 131,072 latents are one leaf:
      the sampler then equals that of a fit in memory. With ``max_memory`` it equals the fit in memory that has the same
      ``max_memory``. `fit_shards` leaves the latents on the workers instead.

    Parameters
    ----------
    sampler : Sampler
        `PMFSampler` or `LocalSampler`. Other samplers need all latents in memory and raise an error.
    X : dask array of shape (n_samples, *event_shape), or other collection
        Latents: a dask array, whose numbers of rows may be unknown; a dask DataFrame; a bag of batches; or a list of
        delayed values or futures, each a batch. A batch is an array of latents, a pair (latents, labels), or the path
        of a ``.npy`` file that all workers can read. A fit goes over the latents a few times, so ``X.persist()`` saves
        time where the memory of the workers holds them.
    y, sample_weight : dask collection with the chunks of X, or array_like of shape (n_samples,), optional
        Class labels, and weights, as in `Sampler.fit`. Those in memory need a dask array of known chunks.
    calibration_latents : dask collection, or array_like of shape (m, *event_shape), optional
        Held-out latents, as in `Sampler.fit`.

    Returns
    -------
    Sampler
        The same sampler, fitted, in the memory of the caller.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        As `Sampler.fit`, with the chunk and the row in it. For a sampler that needs all latents in memory.
    ClusterError
        If the scheduler is lost, or workers are lost again and again at one chunk. The sampler is as it was.

    Examples
    --------
    >>> import numpy as np
    >>> from dask import array
    >>> from vicinal.samplers import PMFSampler
    >>> latents = np.random.default_rng(0).normal(size=(2000, 2))
    >>> sampler = fit(PMFSampler(8, random_state=0), array.from_array(latents, chunks=(300, 2)))
    >>> bool((sampler.sample(5) == PMFSampler(8, random_state=0).fit(latents).sample(5)).all())
    True
    """
    if not is_dask(X):
        raise InvalidTypeError(
            f"X must be a dask collection or a list of delayed batches; got {type(X).__name__}: call sampler.fit(X)"
        )
    return sampler.fit(X, y, sample_weight=sample_weight, calibration_latents=calibration_latents)
