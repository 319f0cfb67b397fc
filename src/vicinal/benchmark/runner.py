"""The command: what is known already is not measured again."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import itertools
import json
import os
import warnings
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import _progress, report, storage
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, import_extra
from vicinal._validation import check_choice
from vicinal.benchmark import page
from vicinal.benchmark.bench import Bench, fitted_file
from vicinal.benchmark.config import Config, sampler_of
from vicinal.benchmark.explored import explore
from vicinal.benchmark.inputs import Inputs
from vicinal.benchmark.results import Datum, Results, key_of
from vicinal.benchmark.summary import Study
from vicinal.evaluation import METRICS, REAL, RECONSTRUCTIONS
from vicinal.evaluation.samples import Reference, Samples

PathLike = str | os.PathLike[str]


def run(
    config: Config | PathLike,
    out: PathLike,
    *,
    data_dir: PathLike | None = None,
    device: str = "cpu",
    weights: PathLike | None = None,
    show_progress: bool = False,
) -> Path:
    """Train, encode, fit, sample and score everything that a study names, and write its report.

    A run that was stopped goes on where it was, to the same results. `vicinal.benchmark.results` lists the files.

    Parameters
    ----------
    config : Config or path_like
        The study, or its TOML file: see `vicinal.benchmark.config`.
    out : path_like
        Folder of all results; made if need be.
    data_dir : path_like, optional
        Folder of the files of the data set.
    device : str
        Where autoencoders and feature networks run, such as ``"cpu"`` or ``"cuda"``.
    weights : path_like or str, optional
        Weights of the network that gives the features: a file for ``inception``; a folder or a name on the Hugging
        Face hub for ``dinov2`` and ``clip``.
    show_progress : bool
        Whether to show on standard error how far the study is, and a line for each sampler.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    FileFormatError, InvalidInputError, InvalidTypeError
        For a study, data or earlier files that cannot be used. If a sampler cannot be fitted, its message becomes a
        line of the results instead.
    MissingExtraError
        If a package is missing; raised before anything takes long.
    FileNotFoundError
        If data are missing.
    """
    config = config if isinstance(config, Config) else Config.read(config)
    for module in ("matplotlib", "jinja2"):
        import_extra(module, "report")
    out = Path(out)
    folder = None if data_dir is None else Path(data_dir).expanduser()
    inputs = Inputs(config, out, folder, device, weights)
    for name in ("models", "kept", "images"):
        (out / name).mkdir(parents=True, exist_ok=True)
    results = Results(out, plan(inputs))
    n_known = len(results.planned) - len(results.missing)
    with _progress.bar(config.title, len(results.planned), done=n_known, show=show_progress) as progress:
        if results.missing:
            try_out(config)
        study = {"study": config.to_dict(), "facts": inputs.facts, "machine": report.machine()}
        storage.write_atomic(out / "study.json", (json.dumps(study, indent=1, ensure_ascii=False) + "\n").encode())
        results.write()  # lines of an earlier study leave, and those of this one come back
        for (name, seed), data in itertools.groupby(results.planned, key=itemgetter(0, 1)):
            planned = list(data)
            wanted = [datum for datum in planned if datum not in results]
            bench = Bench(inputs, name, seed, progress)
            bench.measure(wanted, results)
            if seed == config.training_seeds[0]:
                bench.save(planned)
                explore(bench, planned[0].key)
            _forget_fitted(config, results, out)
            if wanted and results.missing:
                page.write(Study.read(out), out)
    page.write(Study.read(out), out)
    return out / "report.html"


def plan(inputs: Inputs) -> list[Datum]:
    """Return every datum of a study, in the order of measuring: all autoencoders of a training seed first."""
    config = inputs.config
    common = [*inputs.fingerprints, inputs.feature_settings, config.n_samples, config.max_searched, config.metrics]
    planned = []
    for number, training_seed in enumerate(config.training_seeds):
        for name in config.autoencoders:
            model = config.training_of(name)
            if "path" in model:
                if number:
                    continue  # a file has one training
                model["sha256"] = hashlib.sha256((config.folder / model["path"]).read_bytes()).hexdigest()
            rows = {RECONSTRUCTIONS: {}, REAL: {}, **config.samplers_of(name)}
            for sampler, settings in rows.items():
                key = key_of(*common, model, training_seed, settings)
                seeds = config.sampling_seeds[:1] if sampler == RECONSTRUCTIONS else config.sampling_seeds
                planned += [Datum(name, training_seed, sampler, seed, key) for seed in seeds]
    return planned


def try_out(config: Config) -> None:
    """Check objectives; try samplers and metrics on few latents, so that errors come early and compiling is not timed.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For an unknown objective, or options that it does not have.
    MissingExtraError
        For a sampler or a metric that needs a package that is not installed.
    """
    for name in config.autoencoders:
        _check_objective(config.training_of(name))
    latents = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    for settings in config.samplers.values():
        _try_sampler(settings, latents)
    rows = latents.astype(np.float64)
    few = Samples(Reference(rows[::2], rows[1::2], 0), rows[::3], 0)
    for name in config.metrics:
        METRICS[name].compute(few)


def _check_objective(settings: dict[str, Any]) -> None:
    from vicinal.autoencoders.objectives import OBJECTIVES
    from vicinal.autoencoders.training import train

    if "path" in settings:
        return
    name = check_choice(settings["objective"], "objective", tuple(OBJECTIVES))
    known = inspect.signature(train).parameters
    OBJECTIVES[name].resolve(name, {key: value for key, value in settings.items() if key not in known}, known)


def _try_sampler(settings: Mapping[str, Any], latents: Array) -> None:
    sampler = sampler_of(settings, None, 0)
    if "autoencoder" in sampler.get_params():
        return  # it needs one, and there is none yet
    if "n_epochs" in sampler.get_params():
        sampler.set_params(n_epochs=1)
    with warnings.catch_warnings(), contextlib.suppress(InvalidInputError):  # too few latents do not matter
        warnings.simplefilter("ignore")
        sampler.fit(latents).sample(10)


def _forget_fitted(config: Config, results: Results, out: Path) -> None:
    """Remove fitted samplers, except those that are still to be drawn from and those that the study wants saved."""
    saved = config.saved.values()
    needed = [datum for datum in results.planned if datum not in results or datum.sampler in saved]
    kept = {fitted_file(out, datum).stem for datum in needed}
    for path in (out / "kept" / "fitted").glob("*"):
        if path.stem not in kept:
            path.unlink()
