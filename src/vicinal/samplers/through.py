"""Samples of a scikit-learn pipeline that ends in a sampler, in the space of its input."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError


def sample_through(
    pipeline: Any, n_samples: int = 1, *, y: Any = None, random_state: Any = None, start: int = 0
) -> Array:
    """Draw from the sampler at the end of a pipeline, and undo the steps before it.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted. Its last step is a sampler; all others have ``inverse_transform``.
    n_samples, y, random_state, start
        As in `vicinal.samplers.Sampler.sample`. Rows agree with those of another call up to rounding of the steps.

    Returns
    -------
    ndarray of shape (n_samples, n_features_in)
        In the space of what the pipeline was fitted to. For a data frame:
        ``pandas.DataFrame(samples, columns=pipeline.feature_names_in_)``.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the pipeline is not fitted.
    InvalidInputError, InvalidTypeError
        If the last step is no sampler, if a step cannot be undone, and for arguments that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> from vicinal.samplers import PMFSampler
    >>> rows = np.random.default_rng(0).normal(size=(100, 6))
    >>> pipeline = make_pipeline(PCA(2), PMFSampler(4, random_state=0)).fit(rows)
    >>> sample_through(pipeline, 3).shape
    (3, 6)
    """
    steps = getattr(pipeline, "steps", None)
    if not steps or not callable(getattr(steps[-1][1], "sample", None)):
        raise InvalidTypeError(
            f"pipeline must be a scikit-learn Pipeline that ends in a sampler; got {type(pipeline).__name__}"
        )
    for name, step in steps[:-1]:
        if step not in (None, "passthrough") and not hasattr(step, "inverse_transform"):
            raise InvalidInputError(
                f"the steps of pipeline must have inverse_transform; {name!r}, a {type(step).__name__}, has none: "
                "leave it out, or sample latents with pipeline[-1].sample"
            )
    latents = _arrays.to_numpy(steps[-1][1].sample(n_samples, y=y, random_state=random_state, start=start))
    if len(steps) == 1:
        return latents
    if len(latents) == 0:  # which scikit-learn refuses
        return np.zeros((0, pipeline.n_features_in_), latents.dtype)
    rows: Array = _arrays.to_numpy(pipeline[:-1].inverse_transform(latents))
    return rows
