"""Over-sampling of rare classes, as imbalanced-learn does it: drop in for ``RandomOverSampler`` or ``SMOTE``."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from vicinal import rng
from vicinal._arrays import Array
from vicinal._errors import import_extra
from vicinal.samplers import LocalSampler

_base = import_extra("imblearn.over_sampling.base", "imblearn")


class VicinalOverSampler(_base.BaseOverSampler):  # type: ignore[name-defined]
    """Add samples of rare classes, drawn within the class by a sampler of vicinal.

    It has the interface of imbalanced-learn: ``fit_resample(X, y)``, also as a step of ``imblearn.pipeline.Pipeline``.

    Parameters
    ----------
    sampler : Sampler, optional
        Draws within classes, such as ``PMFSampler(8)``; it is cloned. None takes ``LocalSampler(5, scale=1.0)``, which
        has small neighbourhoods, as SMOTE has: classes that need more samples have few rows.
    sampling_strategy : float, str, dict or callable
        Which classes get how many rows, as in every over-sampler of imbalanced-learn. ``"auto"`` brings all classes
        to the size of the largest.
    random_state : int, None or numpy generator
        The seed; None takes fresh entropy on every call.

    Attributes
    ----------
    sampler_ : Sampler
        Fitted to all rows and labels.
    sampling_strategy_ : dict
        The number of rows that each class gets.

    Raises
    ------
    MissingExtraError
        On import, if imbalanced-learn is not installed.
    InvalidInputError
        From ``fit_resample``, if the sampler cannot draw within classes.

    Warns
    -----
    LabelWarning
        If a class has a single row, so that samples of it are copies.

    References
    ----------
    G. Lemaitre, F. Nogueira, C. Aridas, "Imbalanced-learn", Journal of Machine Learning Research 18(17), 2017,
    arXiv:1609.06570.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = np.repeat(["usual", "rare"], [80, 20])
    >>> X_more, y_more = VicinalOverSampler(random_state=0).fit_resample(X, y)
    >>> X_more.shape, int((y_more == "rare").sum())
    ((160, 2), 80)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "sampling_strategy": _base.BaseOverSampler._parameter_constraints["sampling_strategy"]
    }

    def __init__(self, sampler: Any = None, *, sampling_strategy: Any = "auto", random_state: Any = None) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.sampler = sampler
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def _fit_resample(self, X: Array, y: Array) -> tuple[Array, Array]:
        sampler = LocalSampler(5, scale=1.0) if self.sampler is None else clone(self.sampler)
        key = rng.seed_key(self.random_state)
        self.sampler_ = sampler.set_params(random_state=key).fit(X, y)
        wanted = np.repeat(list(self.sampling_strategy_), list(self.sampling_strategy_.values()))
        if len(wanted) == 0:
            return X.copy(), y.copy()
        drawn = sampler.sample(len(wanted), y=wanted)
        return np.concatenate([X, drawn]), np.concatenate([y, wanted.astype(y.dtype)])
