"""Samplers compared through an autoencoder: fit, sample, decode, score."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from vicinal import pipeline
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation.catalogue import METRICS
from vicinal.evaluation.evaluate import BOOTSTRAP, REAL, RECONSTRUCTIONS, headings, notes_of, wanted_metrics
from vicinal.evaluation.judge import Judge, Table, extractor_of
from vicinal.evaluation.scores import Scores, check_baseline
from vicinal.samplers import BootstrapSampler, Sampler


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: the table, and the fitted samplers by name."""

    scores: Scores
    samplers: dict[str, Sampler]
    train_latents: Array
    real_latents: Array


def compare(
    autoencoder: Any,
    samplers: Mapping[str, Sampler],
    *,
    train: Array,
    real: Array,
    features: Any,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    n_seeds: int = 3,
    random_state: int = 0,
    on_row: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit samplers to an autoencoder's latents and score what it decodes from their samples.

    Quality is measured between features of images, the fit of latents and novelty between latents;
    ``feature_nn_ratio`` and its like between features of decoded samples and of the training images.

    Parameters
    ----------
    autoencoder : object
        As in `vicinal.encode`.
    samplers : mapping of str to Sampler
        Not fitted; they are cloned. A bootstrap sampler is added.
    train, real : ndarray of shape (n, *image_shape)
        Images that the autoencoder was trained on, and held-out ones. As many samples are drawn as
        there are held-out images.
    features, metrics, baseline, on_row
        As in `evaluate`.
    n_seeds : int
        Sets of samples from each sampler; more than one give a standard error.
    random_state : int
        Seed of fits, samples (``random_state`` to ``random_state + n_seeds - 1``) and subsets.

    Returns
    -------
    Comparison
        Table, fitted samplers and latents.
    """
    wanted = wanted_metrics(metrics, True)
    check_baseline(baseline, list(samplers))
    extractor = extractor_of(features)
    train_latents, real_latents = pipeline.encode(autoencoder, train), pipeline.encode(autoencoder, real)
    judge = Judge((real_latents, train_latents), (real, train), extractor, wanted, random_state)
    table = Table(on_row)
    table.add(REAL, judge.real_runs(n_seeds), reference=True)
    decoded = pipeline.decode(autoencoder, real_latents)
    quality = [name for name in wanted if METRICS[name].space == "features"]
    table.add(RECONSTRUCTIONS, [judge.score(real_latents, decoded, 0, quality, novelty=False)], reference=True)
    fitted: dict[str, Sampler] = {}
    for name, template in {BOOTSTRAP: BootstrapSampler(), **samplers}.items():
        fitted[name], seconds = _timed_fit(clone(template).set_params(random_state=random_state), train_latents)
        runs = []
        for i in range(n_seeds):
            latents = fitted[name].sample(len(real), random_state=random_state + i)
            runs.append(judge.score(latents, pipeline.decode(autoencoder, latents), i))
        table.add(name, runs, reference=name == BOOTSTRAP, fit_seconds=seconds)
    notes = [
        f"Quality against {len(real)} held-out images, by as many samples."
        + ("" if headings(extractor) else " The Frechet distance is not FID: it uses other features."),
        *notes_of(wanted, extractor),
        "Latent fit and novelty are taken between latents. An nn ratio of 1 is as new as fresh data, 0 a copy; "
        "compare the quality of samplers at equal novelty.",
    ]
    if n_seeds > 1:
        notes.append(f"Mean ± standard error over {n_seeds} seeds of sampling, one training of the autoencoder.")
    scores = Scores(table.rows, notes, headings(extractor), baseline)
    return Comparison(scores, fitted, train_latents, real_latents)


def _timed_fit(sampler: Sampler, latents: Any) -> tuple[Sampler, float]:
    with warnings.catch_warnings(), contextlib.suppress(InvalidInputError):
        warnings.simplefilter("ignore")
        clone(sampler).fit(latents[:256])  # so that compilation is not counted; too few rows do not matter
    begin = time.perf_counter()
    sampler.fit(latents)
    return sampler, time.perf_counter() - begin
