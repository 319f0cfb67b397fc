"""The study of `vicinal demo`: ``demo.toml`` beside this module, run in a temporary folder."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from importlib import resources
from pathlib import Path

from vicinal import _validation, storage
from vicinal._errors import InvalidInputError
from vicinal.benchmark.config import Config
from vicinal.benchmark.runner import run
from vicinal.report import slug

DATASETS = ("digits", "mnist")


def run_demo(
    out: str | os.PathLike[str],
    *,
    dataset: str = "digits",
    data_dir: str | os.PathLike[str] | None = None,
    random_state: int = 0,
    force: bool = False,
    show_progress: bool = False,
) -> Path:
    """Train two autoencoders, turn them into generators, and report how good and how new the samples are.

    Parameters
    ----------
    out : path_like
        Folder for ``report.html``, ``scores.json``, and for each model ``<model>-autoencoder.safetensors``,
        ``<model>-pmf.safetensors`` and ``<model>-local.safetensors``, the calibrated samplers. Nothing is written
        before everything is done.
    dataset : {"digits", "mnist"}
        See `vicinal.datasets`.
    data_dir : path_like, optional
        Folder of the data set's files.
    random_state : int
        Seed of everything.
    force : bool
        Whether to replace the files of an earlier run.
    show_progress : bool
        Whether to show on standard error how far it is.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    InvalidInputError
        If the files are there and ``force`` is False, and for impossible arguments.
    MissingExtraError
        If torch, matplotlib or jinja2 is not installed.
    FileNotFoundError, FileFormatError
        If the data are missing or damaged.
    """
    out, config = Path(out), demo_config(dataset, random_state)
    sources = {"report.html": "report.html", "scores.json": "scores.json"}
    for name in map(slug, config.autoencoders):
        sources[f"{name}-autoencoder.safetensors"] = f"models/{name}-{random_state}.safetensors"
        sources |= {f"{name}-{part}.safetensors": f"saved/{name}-{part}.safetensors" for part in config.saved}
    present = [name for name in sources if (out / name).exists()]
    if present and not force:
        raise InvalidInputError(f"{out / present[0]} exists; pass --force to replace it, or name another folder")
    with tempfile.TemporaryDirectory() as folder:
        run(config, folder, data_dir=data_dir, show_progress=show_progress)
        out.mkdir(parents=True, exist_ok=True)
        for name, source in sources.items():
            storage.write_atomic(out / name, (Path(folder) / source).read_bytes())
    return out / "report.html"


def demo_config(dataset: str, random_state: int) -> Config:
    """Return the study of the demo for one of its data sets, with all seeds counted from ``random_state``."""
    _validation.check_choice(dataset, "dataset", DATASETS)
    seed = _validation.check_integer(random_state, "random_state", minimum=0, maximum=2**31 - 10)
    with resources.as_file(resources.files("vicinal.benchmark") / "demo.toml") as path:
        config = Config.read(path)
    features, n_samplings = config.features, len(config.sampling_seeds)
    if dataset == "mnist":
        features, n_samplings = {**features, "n_epochs": 8}, 2
        training = {"latent_dim": 16, "width": 16, "n_epochs": 8, "batch_size": 256}
        config = replace(config, title="vicinal on MNIST", data={"name": "mnist"}, training=training)
    return replace(
        config,
        features={**features, "random_state": seed},
        training_seeds=(seed,),
        sampling_seeds=tuple(range(seed, seed + n_samplings)),
    )
