"""Files of latents as delayed parts, which the workers read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from dask import delayed

from vicinal import array_files


def open_files(paths: Sequence[str | os.PathLike[str]], key: str | None = None, labels: str | None = None) -> list[Any]:
    """Return files of latents as a list of delayed batches, for `fit`: every worker reads the rows that it works on.

    Parameters
    ----------
    paths : sequence of path_like
        Files that all workers can read, as for ``vicinal fit``: .npy, .npz, .safetensors, .h5, .zarr, .parquet, .csv.
    key, labels : str, optional
        As for ``vicinal fit``: the array in the files, and the classes. A file of labels goes with files that are no
        tables; for tables, name a column.

    Returns
    -------
    list of Delayed
        Each about 64 MiB of latents, or one table; with labels, pairs (latents, labels).

    Raises
    ------
    InvalidInputError, FileFormatError, MissingExtraError, OSError
        For files that cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vicinal.samplers import PMFSampler
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         np.save(f"{folder}/{i}.npy", np.random.default_rng(i).normal(size=(100, 2)))
    ...     sampler = PMFSampler(4).fit(open_files([f"{folder}/{i}.npy" for i in range(3)]))
    >>> sampler.n_samples_seen_
    300
    """
    return [delayed(part.read)() for part in array_files.parts_of(paths, key, labels)]
