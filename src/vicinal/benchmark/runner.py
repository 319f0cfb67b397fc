"""The command: what is known already is not done again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from rich.console import Console

from vicinal import report, storage
from vicinal._errors import import_extra
from vicinal.benchmark import page, trial
from vicinal.benchmark.bench import Bench
from vicinal.benchmark.config import Config
from vicinal.benchmark.data import Data, Features
from vicinal.benchmark.progress import Watch
from vicinal.benchmark.results import Datum, Results, key_of
from vicinal.benchmark.summary import Study
from vicinal.evaluation import REAL, RECONSTRUCTIONS

PathLike = str | os.PathLike[str]


def run(
    config: Config | PathLike,
    out: PathLike,
    *,
    data_dir: PathLike | None = None,
    device: str = "cpu",
    inception_weights: PathLike | None = None,
    console: Console | None = None,
) -> Path:
    """Train, encode, fit, sample and score everything that a study names, and write its report.

    Stopped at any moment and started again, it goes on where it was, to the same results: see
    `vicinal.benchmark.results` for the files.

    Parameters
    ----------
    config : Config or path_like
        The study, or its TOML file: see `vicinal.benchmark.config`.
    out : path_like
        Folder for everything that is found; made if need be.
    data_dir : path_like, optional
        Folder of the files of the data set.
    device : str
        Where autoencoders and feature networks run, such as ``"cpu"`` or ``"cuda"``.
    inception_weights : path_like, optional
        File of weights, for features of the Inception network.
    console : rich.console.Console, optional
        Where to show progress, with the time left, and a line for each sampler; None shows nothing.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    FileFormatError, InvalidInputError, InvalidTypeError
        For a study, data or earlier files that cannot be used. Of a sampler that cannot be fitted the message becomes a
        line of the results.
    MissingExtraError
        If a package is missing, before anything takes long.
    FileNotFoundError
        If data are not there.
    """
    config = config if isinstance(config, Config) else Config.read(config)
    for module, extra in (("torch", "torch"), ("matplotlib", "report"), ("jinja2", "report")):
        import_extra(module, extra)
    data = Data(config.data, None if data_dir is None else Path(data_dir).expanduser())
    out = Path(out)
    for name in ("models", "kept", "pictures"):
        (out / name).mkdir(parents=True, exist_ok=True)
    weights = None if inception_weights is None else Path(inception_weights)
    features = Features(config.features, data, out / "kept", device, weights)
    results = Results(out, plan(config, data, features))
    with Watch(config.title, results, console) as watch:
        if results.missing:
            trial.run(config)
        _write_study(config, data, features, out)
        results.write()  # lines of another study leave, and those of this one come back, even if nothing is missing
        for (name, seed), wanted in _by_model(results.missing).items():
            bench = Bench(config, name, seed, data, features, out, device, watch)
            bench.measure(wanted, results)
            page.write(Study.read(out), out)
    for fitted in (out / "kept").glob("*-fitted"):  # of a run that was stopped between its last line and here
        shutil.rmtree(fitted, ignore_errors=True)
    page.write(Study.read(out), out)
    return out / "report.html"


def plan(config: Config, data: Data, features: Features) -> list[Datum]:
    """Return every datum of a study in the order in which it is found: all autoencoders of a training seed first."""
    common = [*data.fingerprints, features.settings, config.n_samples, config.max_searched, config.metrics]
    planned = []
    for number, training_seed in enumerate(config.training_seeds):
        for name in config.autoencoders:
            model = config.training_of(name)
            if "path" in model:
                if number:
                    continue  # it has been trained, once
                model["sha256"] = hashlib.sha256((config.folder / model["path"]).read_bytes()).hexdigest()
            rows = {RECONSTRUCTIONS: {}, REAL: {}, **config.samplers_of(name)}
            for sampler, settings in rows.items():
                key = key_of(*common, model, training_seed, settings)
                seeds = config.sampling_seeds[:1] if sampler == RECONSTRUCTIONS else config.sampling_seeds
                planned += [Datum(name, training_seed, sampler, seed, key) for seed in seeds]
    return planned


def _by_model(wanted: list[Datum]) -> dict[tuple[str, int], list[Datum]]:
    groups: dict[tuple[str, int], list[Datum]] = {}
    for datum in wanted:
        groups.setdefault((datum.autoencoder, datum.training_seed), []).append(datum)
    return groups


def _write_study(config: Config, data: Data, features: Features, out: Path) -> None:
    facts = {
        "n_train": len(data.train.images),
        "n_held_out": len(data.held_out),
        "image_shape": list(data.held_out.shape[1:]),
        "features": features.text,
        "distance": features.extractor.frechet_name,
    }
    study = {"study": config.to_dict(), "facts": facts, "machine": report.machine()}
    storage.write_atomic(out / "study.json", (json.dumps(study, indent=1, ensure_ascii=False) + "\n").encode())
