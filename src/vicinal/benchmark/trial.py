"""A trial of everything that a study names, on next to nothing: what cannot work shows before anything takes long."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from typing import Any

import numpy as np

from vicinal._errors import InvalidInputError
from vicinal._validation import check_choice
from vicinal.benchmark.config import Config, sampler_of
from vicinal.evaluation import METRICS, catalogue

Array = np.ndarray[Any, Any]

N_ROWS, N_DIMS = 300, 3


def run(config: Config) -> None:
    """Check objectives, try samplers and metrics; what they compile is then not counted later.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For an unknown objective, or options that it does not have.
    MissingExtraError
        For a sampler or a metric that needs a package that is not installed.
    """
    for name in config.autoencoders:
        _check_objective(config.training_of(name))
    rows = np.random.default_rng(0).normal(size=(N_ROWS, N_DIMS)).astype(np.float32)
    for settings in config.samplers.values():
        _try_sampler({key: value for key, value in settings.items() if key != "autoencoders"}, rows)
    rows = rows.astype(np.float64)
    few = catalogue.Samples(catalogue.Reference(rows[::2], rows[1::2], 0), rows[::3], 0)
    for name in config.metrics:
        METRICS[name].compute(few)


def _check_objective(settings: dict[str, Any]) -> None:
    from vicinal.autoencoders.objectives import OBJECTIVES
    from vicinal.autoencoders.training import train

    if "path" in settings:
        return
    name = check_choice(settings["objective"], "objective", tuple(OBJECTIVES))
    known = inspect.signature(train).parameters
    OBJECTIVES[name].resolve(name, {key: value for key, value in settings.items() if key not in known})


def _try_sampler(settings: dict[str, Any], rows: Array) -> None:
    sampler = sampler_of(settings, None, 0)
    if "autoencoder" in sampler.get_params():
        return  # it needs one, and there is none yet
    if "n_epochs" in sampler.get_params():
        sampler.set_params(n_epochs=1)
    with warnings.catch_warnings(), contextlib.suppress(InvalidInputError):  # too few rows do not matter
        warnings.simplefilter("ignore")
        sampler.fit(rows).sample(10)
