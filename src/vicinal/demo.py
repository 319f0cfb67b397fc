"""The main job in one run: train, encode, fit, sample, evaluate, report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vicinal import _validation, datasets, pipeline, report, storage
from vicinal._errors import InvalidInputError, import_extra
from vicinal.evaluation import BOOTSTRAP, Comparison, compare
from vicinal.metrics import ClassifierFeatures
from vicinal.neighbors import nearest_rows
from vicinal.samplers import GaussianSampler, GMMSampler, KDESampler, LocalSampler, PMFSampler, Sampler

Array = np.ndarray[Any, Any]


class Settings(NamedTuple):
    """How much work a data set deserves."""

    latent_dim: int
    width: int
    n_epochs: int
    batch_size: int
    classifier_epochs: int
    n_seeds: int


SETTINGS = {
    "digits": Settings(latent_dim=8, width=64, n_epochs=100, batch_size=64, classifier_epochs=30, n_seeds=5),
    "mnist": Settings(latent_dim=16, width=16, n_epochs=8, batch_size=256, classifier_epochs=8, n_seeds=2),
}
MODELS = {"ae": "Plain autoencoder", "vae": "Variational autoencoder"}
AUTO = "PMF, auto"
LOCAL = "Local, auto"
SAVED = {"pmf": AUTO, "local": LOCAL}
PICTURED = (LOCAL, AUTO, "GMM, 10 components", "Gaussian, standard", BOOTSTRAP)
N_PICTURES = 24


def samplers() -> dict[str, Sampler]:
    """Return the samplers that are compared, by the names they have in the table."""
    return {
        "Gaussian, standard": GaussianSampler("standard"),
        "Gaussian, full": GaussianSampler("full"),
        "GMM, 10 components": GMMSampler(10),
        "GMM, 50 components": GMMSampler(50),
        "KDE, Scott": KDESampler("scott"),
        **{f"PMF, {n_bins} bins": PMFSampler(n_bins) for n_bins in (4, 8, 16, 32)},
        AUTO: PMFSampler(),
        LOCAL: LocalSampler(),
    }


def run(
    out: str | os.PathLike[str],
    *,
    dataset: str = "digits",
    data_dir: str | os.PathLike[str] | None = None,
    random_state: int = 0,
    force: bool = False,
    console: Console | None = None,
) -> Path:
    """Train two autoencoders, turn them into generators, and report how good and how new the samples are.

    Parameters
    ----------
    out : path_like
        Folder for ``report.html``, ``scores.json``, and for each model ``<model>-autoencoder.safetensors``,
        ``<model>-pmf.safetensors`` and ``<model>-local.safetensors``, the calibrated samplers.
    dataset : {"digits", "mnist"}
        See `vicinal.datasets`.
    data_dir : path_like, optional
        Folder of the data set's files.
    random_state : int
        Seed of everything.
    force : bool
        Whether to replace the files of an earlier run.
    console : rich.console.Console, optional
        Where to show progress; None shows none.

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
        If the data are not in order.
    """
    begin = time.perf_counter()
    settings = SETTINGS[_validation.check_choice(dataset, "dataset", tuple(SETTINGS))]
    out = Path(out)
    models = [f"{model}-{part}.safetensors" for model in MODELS for part in ("autoencoder", *SAVED)]
    present = [name for name in ("report.html", "scores.json", *models) if (out / name).exists()]
    if present and not force:
        raise InvalidInputError(f"{out / present[0]} exists; pass --force to replace it, or name another folder")
    random_state = _validation.check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 10)
    for module, extra in (("torch", "torch"), ("matplotlib", "report"), ("jinja2", "report")):
        import_extra(module, extra)
    train = datasets.load(dataset, data_dir=data_dir, split="train")
    held_out = datasets.load(dataset, data_dir=data_dir, split="test")
    out.mkdir(parents=True, exist_ok=True)

    with _progress(console) as step:
        tick = step("Train a classifier for features", 1)
        features = ClassifierFeatures(
            train.images, train.labels, n_epochs=settings.classifier_epochs, random_state=random_state
        )
        tick()
        sections, scores = [], {}
        for model_name in MODELS:
            autoencoder, comparison = _run_model(
                model_name, settings, train.images, held_out.images, features, random_state, step
            )
            autoencoder.save(out / f"{model_name}-autoencoder.safetensors")
            for part, sampler_name in SAVED.items():
                comparison.samplers[sampler_name].save(out / f"{model_name}-{part}.safetensors")
            scores[model_name] = comparison.scores.to_dict() | {"autoencoder": autoencoder.card}
            sections.append(_section(model_name, autoencoder, comparison, train.images, held_out.images, random_state))

    accuracy = features.accuracy(held_out.images, held_out.labels)
    facts = {
        "data": f"{dataset}: {len(train.images)} training and {len(held_out.images)} held-out images",
        "features": f"last hidden layer of a classifier of the training images ({accuracy:.1%} right on held-out)",
        "seed": str(random_state),
        **report.machine(),
        "seconds": f"{time.perf_counter() - begin:.0f}",
    }
    result = {"dataset": dataset, "facts": facts, "models": scores}
    storage.write_atomic(out / "scores.json", (json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())
    report.write(out / "report.html", f"vicinal on {dataset}", LEAD, sections, facts)
    return out / "report.html"


LEAD = (
    "An autoencoder was trained on real images, its latents were given to several samplers, and what it decodes from "
    "their samples is compared with held-out images. Quality says how close samples come to real images; novelty says "
    "whether they are more than copies of the training images. Grey rows are there for comparison: nobody can ask for "
    "better than real versus real, and copies show what quality alone is worth."
)

Step = Callable[[str, int], Callable[[], None]]


def _run_model(
    name: str, settings: Settings, train: Array, held_out: Array, features: Any, random_state: int, step: Step
) -> tuple[Any, Comparison]:
    from vicinal.autoencoders.training import train as train_autoencoder

    tick = step(f"Train the {MODELS[name].lower()}", settings.n_epochs)
    autoencoder = train_autoencoder(
        name,
        train,
        latent_dim=settings.latent_dim,
        width=settings.width,
        n_epochs=settings.n_epochs,
        batch_size=settings.batch_size,
        random_state=random_state,
        on_epoch=lambda _epoch, _loss: tick(),
    )
    compared = samplers()
    tick_row = step("Fit, sample, evaluate", len(compared) + 3)  # and the reference rows
    comparison = compare(
        autoencoder,
        compared,
        train=train,
        real=held_out,
        features=features,
        baseline="GMM, 10 components",
        n_seeds=settings.n_seeds,
        random_state=random_state,
        on_row=lambda _name: tick_row(),
    )
    return autoencoder, comparison


def _section(
    name: str, autoencoder: Any, comparison: Comparison, train: Array, held_out: Array, random_state: int
) -> report.Section:
    real = held_out[:N_PICTURES]
    reconstructed = pipeline.decode(autoencoder, comparison.real_latents[:N_PICTURES])
    grids = [report.Grid("Held-out images, and below each its reconstruction", real, reconstructed)]
    for sampler_name in PICTURED:
        sampler = comparison.samplers[sampler_name]
        latents = sampler.sample(N_PICTURES, random_state=random_state)
        _, nearest = nearest_rows(latents, comparison.train_latents)
        shown = f"{sampler_name}{_calibrated(sampler)}"
        caption = f"{shown}: samples, and below each the training image with the nearest latent"
        grids.append(report.Grid(caption, pipeline.decode(autoencoder, latents), train[nearest]))
    card = autoencoder.card
    text = (
        f"{autoencoder.latent_dim} latent dimensions, {card['n_epochs']} epochs, mean squared error of a training "
        f"pixel {card['mean_squared_error']:.4f}. Each sampler was fitted to the latents of the training images."
    )
    return report.Section(MODELS[name], text, comparison.scores, grids)


def _calibrated(sampler: Any) -> str:
    """Return in words what a calibration found."""
    if isinstance(sampler, PMFSampler):
        return f" ({sampler.n_bins_} bins)"
    return f" ({sampler.n_neighbors_} neighbours)" if isinstance(sampler, LocalSampler) else ""


@contextmanager
def _progress(console: Console | None) -> Iterator[Step]:
    """Yield a function that starts a bar and returns the function that moves it on."""
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=console is None) as progress:

        def step(description: str, total: int) -> Callable[[], None]:
            task = progress.add_task(description, total=total)
            return lambda: progress.advance(task)

        yield step
