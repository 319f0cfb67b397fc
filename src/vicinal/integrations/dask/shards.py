"""A `LocalSampler` in shards: its training latents stay on the workers, or in a folder, and samples are drawn there.

A shard is a leaf of the tree that the fit makes of all latents. It is a `LocalSampler` itself. A folder of shards holds
one file of each, which `vicinal.load` reads, too.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from dask import delayed
from dask.delayed import Delayed

import vicinal
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError
from vicinal.samplers import LocalSampler, labels
from vicinal.samplers.batches import Batches
from vicinal.samplers.by_class import starts_of
from vicinal.samplers.given import is_dask
from vicinal.samplers.local.beyond_memory import Begun, Plan, join
from vicinal.samplers.local.leaves import LeafFit
from vicinal.samplers.local.local import state_of
from vicinal.samplers.local.partition import Spread
from vicinal.samplers.local.settings import Settings
from vicinal.samplers.on_dask.tree import computed, persisted
from vicinal.samplers.survey import Survey
from vicinal.storage import PathLike

_NAME = re.compile(r"shard-(\d+)-of-(\d+)\.safetensors")


def fit_shards(
    sampler: LocalSampler, X: Any, y: Any = None, sample_weight: Any = None, calibration_latents: Any = None
) -> Shards:
    """Fit a `LocalSampler` to latents in a dask collection, and leave its training latents on the workers.

    The law is that of ``sampler.fit(X)``, whose samples are those of the shards to the bit.

    Parameters
    ----------
    sampler : LocalSampler
        Its parameters; it stays as it is.
    X, y, sample_weight, calibration_latents
        As in `fit`.

    Returns
    -------
    Shards
        Pass it to `sample`, or save it to a folder.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ClusterError
        As `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from dask import array
    >>> from vicinal.integrations import dask as on_dask
    >>> latents = np.random.default_rng(0).normal(size=(2000, 2))
    >>> shards = fit_shards(LocalSampler(20, scale=1.0), array.from_array(latents, chunks=(500, 2)))
    >>> on_dask.sample(shards, 1000, random_state=0).compute().shape
    (1000, 2)
    """
    if not isinstance(sampler, LocalSampler):
        raise InvalidTypeError(f"sampler must be a LocalSampler; got {type(sampler).__name__}: use fit")
    if not is_dask(X):
        raise InvalidTypeError(
            f"X must be a dask collection or a list of delayed batches; got {type(X).__name__}: call sampler.fit(X)"
        )
    work = _InShards(**sampler.get_params(deep=False))
    work.fit(X, y, sample_weight=sample_weight, calibration_latents=calibration_latents)
    begun: Begun = work.__dict__.pop("begun_")
    settings = Settings.of(sampler)
    fits = begun.leaves.fits(begun.n_neighbors, settings.max_iter, begun.place)
    common = _about(work)
    return Shards([delayed(_shard, pure=False)(common, each) for each in fits])


def open_shards(folder: PathLike) -> Shards:
    """Return the shards that `Shards.save` wrote; the workers read the files.

    Parameters
    ----------
    folder : path_like
        One that all workers can read.

    Raises
    ------
    FileFormatError
        If files are missing, or do not go together.
    """
    names = sorted(path.name for path in Path(folder).glob("shard-*-of-*.safetensors"))
    found = [match for match in map(_NAME.fullmatch, names) if match]
    n_shards = {int(match[2]) for match in found}
    if n_shards != {len(found)} or [int(match[1]) for match in found] != list(range(len(found))):
        raise FileFormatError(
            f"{folder} must hold shard-000-of-N.safetensors and so on, N files in all, as Shards.save writes them; got "
            f"{len(names)} such files" + (f", from {names[0]} to {names[-1]}" if names else "")
        )
    return Shards([delayed(vicinal.load, pure=False)(Path(folder) / name) for name in names])


class Shards:
    """A fitted `LocalSampler` in shards, whose training latents are on the workers or in files.

    Attributes
    ----------
    parts : list of Delayed
        Each is a `LocalSampler`.
    sampler : LocalSampler
        The fitted attributes without the training latents: ``n_neighbors_``, ``scale_``, ``nn_ratio_``.
    classes : tuple
        The labels, sorted; empty without labels.
    masses, counts : ndarray of int64, shape (max(n_classes, 1), n_shards)
        Weight and number of the training latents of each class in each shard.
    """

    def __init__(self, parts: Sequence[Delayed]) -> None:
        self.parts = persisted(parts)
        found = computed(delayed(list)([delayed(_summary)(part) for part in self.parts]))
        self.sampler: LocalSampler = found[0].about
        if any(_likeness(each.about) != _likeness(self.sampler) for each in found):
            raise FileFormatError("shards must come from one fit; they differ in parameters, shape or type")
        self.classes = labels.in_order(label for each in found for label in each.counts if label is not None)
        keys = self.classes or (None,)
        self.counts = np.array([[each.counts.get(label, 0) for each in found] for label in keys])
        self.masses = np.array([[each.masses.get(label, 0) for each in found] for label in keys])

    def __repr__(self) -> str:
        return f"Shards({self.sampler!r}, {self.counts.sum()} latents in {len(self.parts)} shards)"

    def save(self, folder: PathLike) -> None:
        """Write a file of each shard; the workers write them.

        Parameters
        ----------
        folder : path_like
            New or empty, and one that all workers can write to.

        Raises
        ------
        InvalidInputError
            If the folder holds something.
        OSError
            If a file cannot be written.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidInputError(f"folder must be new or empty; got {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        n = len(self.parts)
        paths = [folder / f"shard-{i:03d}-of-{n:03d}.safetensors" for i in range(n)]
        written = [delayed(_save, pure=False)(part, path) for part, path in zip(self.parts, paths, strict=True)]
        computed(delayed(list)(written))

    def gather(self) -> LocalSampler:
        """Return the sampler with all training latents, in memory maps of temporary files if there are several shards.

        Its samples are those of the shards, to the bit.
        """
        place = computed(delayed(_mean)(self.parts[0]))
        fits = (computed(delayed(_leaf_fit)(part, place)) for part in self.parts)
        state = join(fits, self.counts, self.classes, in_files=len(self.parts) > 1)
        spread: Spread = state.pop("spread")
        sampler = copy.copy(self.sampler)
        ratio = spread.ratio(sampler.shrinkage, sampler.scale_)
        _set(sampler, state | {"variance_ratio_": ratio})
        return sampler


class _InShards(LocalSampler):
    """A fit that ends before leaves are cut: they stay where they are, as ``begun_``."""

    def _fit(self, batches: Batches) -> dict[str, Any]:
        settings, survey = Settings.of(self), Survey.of(batches)
        n_rows = survey.probes.n_rows
        settings.check_at_most(n_rows)
        plan = Plan.of(n_rows, survey.lower.nbytes, settings.max_memory)
        begun = Begun.of(batches, survey, plan, settings)
        return begun.calibration | {"n_neighbors_": begun.n_neighbors, "scale_": begun.scale, "begun_": begun}


class _Summary(NamedTuple):
    """What is known of a shard without its latents; counts and masses by class, of None without classes."""

    about: LocalSampler
    counts: dict[Hashable, int]
    masses: dict[Hashable, int]


def _shard(common: LocalSampler, fit: LeafFit) -> LocalSampler:
    """Return a leaf as a sampler."""
    sampler = copy.copy(common)
    _set(sampler, state_of(fit.found, sampler.shrinkage, sampler.scale_))
    return sampler


def _set(sampler: LocalSampler, state: dict[str, Any]) -> None:
    """Add fitted attributes to those that a sampler has."""
    old = {name: getattr(sampler, name) for name in sampler._fitted_names}
    sampler._set_fitted(old | state, sampler.event_shape_, sampler.dtype_, None)


def _about(sampler: LocalSampler) -> LocalSampler:
    """Return a LocalSampler without its training latents."""
    about = LocalSampler(**sampler.get_params(deep=False))
    kept = ("n_neighbors_", "scale_", "nn_ratio_", "nn_ratio_se_", "whole_range_")
    state = {name: getattr(sampler, name) for name in kept if hasattr(sampler, name)}
    if hasattr(sampler, "feature_names_in_"):
        about.feature_names_in_ = sampler.feature_names_in_
    about._set_fitted(state, sampler.event_shape_, sampler.dtype_, None)
    return about


def _summary(shard: LocalSampler) -> _Summary:
    starts = starts_of(shard, len(shard.latents_))
    keys = shard.classes_.tolist() if hasattr(shard, "classes_") else [None]
    weights = getattr(shard, "weights_", None)
    masses = np.diff(starts) if weights is None else np.add.reduceat(weights, starts[:-1])
    counts = np.diff(starts).tolist()
    return _Summary(_about(shard), dict(zip(keys, counts, strict=True)), dict(zip(keys, masses.tolist(), strict=True)))


def _likeness(about: LocalSampler) -> tuple[Any, ...]:
    return about.n_neighbors_, about.scale_, about.shrinkage, about.event_shape_, about.dtype_


def _mean(shard: LocalSampler) -> Array:
    mean: Array = shard.latents_.mean(axis=0, dtype=np.float64)
    return mean


def _leaf_fit(shard: LocalSampler, place: Array) -> LeafFit:
    found = shard._neighborhoods()
    return LeafFit(found, Spread(place, 0.0, np.zeros_like(place), 0.0, 0.0).add(found))


def _save(shard: LocalSampler, path: Path) -> None:
    shard.save(path)
