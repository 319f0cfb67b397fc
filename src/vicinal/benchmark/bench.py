"""One trained autoencoder of a study: encode, fit, sample, decode, score."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from vicinal import pipeline, report, storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, MissingExtraError, VicinalError
from vicinal._progress import Bar
from vicinal.benchmark.config import sampler_of
from vicinal.benchmark.inputs import Inputs
from vicinal.benchmark.results import Datum, Results, key_of
from vicinal.evaluation import METRICS, REAL, RECONSTRUCTIONS, Judge
from vicinal.evaluation.scores import TO_RECONSTRUCTIONS
from vicinal.images import to_levels
from vicinal.metrics import Moments, frechet_distance
from vicinal.neighbors import nearest_rows
from vicinal.report import slug

Found = tuple[Datum, dict[str, Any], dict[str, float]]  # a datum, its values, and the seconds it took

CHOSEN = (
    *("n_bins_", "n_neighbors_", "scale_", "shrinkage_", "n_components_", "bandwidth_"),
    *("n_iter_", "n_epochs_", "nn_ratio_"),
)
TUNING_DISTANCE = "tuning_distance"  # to the decoded latents of the held-out images that settings are chosen by
FAILURES = (VicinalError, np.linalg.LinAlgError)  # of a fit; any other error is a bug
QUALITY = "frechet_distance"
N_LIKELIHOOD = 500  # held-out latents whose log density is taken


class Bench:
    """One trained autoencoder, and what all samplers of its latents share.

    Parameters
    ----------
    inputs : Inputs
        The study, with its images and features.
    name, seed : str, int
        The autoencoder, and the seed of its training.
    progress : Bar
        Shows what is being done.
    """

    def __init__(self, inputs: Inputs, name: str, seed: int, progress: Bar) -> None:
        self.inputs, self.config, self.out = inputs, inputs.config, inputs.out
        self.name, self.seed, self.progress = name, seed, progress
        self.label = f"{name}, seed {seed}"

    def measure(self, wanted: list[Datum], results: Results) -> None:
        """Measure the wanted data, sampler after sampler, and add them to the results."""
        for sampler, data in itertools.groupby(wanted, key=lambda datum: datum.sampler):
            self.progress.set(doing=f"{self.label}: {sampler}")
            measure: Callable[[list[Datum]], Iterator[Found]] = {
                RECONSTRUCTIONS: self._reconstructions,
                REAL: self._real,
            }.get(sampler, self._sampler)
            rows = []
            for datum, values, seconds in measure(list(data)):
                results.add(datum, {**values, "versions": _versions()}, seconds)
                rows.append({**values, **seconds})
                self.progress.advance()
            self.progress.say(f"{self.label}, {sampler}: {_in_words(rows)}")

    def save(self, planned: list[Datum]) -> None:
        """Write the fitted samplers that the study wants saved; what no run has fitted yet is fitted now."""
        of_first_seed = {datum.sampler: datum for datum in reversed(planned)}
        for part, sampler in self.config.saved.items():
            if sampler in of_first_seed:
                path = self.out / "saved" / f"{slug(self.name)}-{part}.safetensors"
                path.parent.mkdir(exist_ok=True)
                with contextlib.suppress(*FAILURES):  # the results say so
                    self._fitted(of_first_seed[sampler])[0].save(path)

    @property
    def n_samples(self) -> int:
        """How many samples are drawn at a time."""
        return self.config.n_samples or len(self.inputs.held_out)

    @cached_property
    def model(self) -> Any:
        """The autoencoder, read from its file or trained now."""

        def on_epoch(epoch: int, loss: float) -> None:
            self.progress.set(doing=f"{self.label}: train, epoch {epoch}, loss {loss:.4g}")

        return self.inputs.model(self.name, self.seed, on_epoch)

    @cached_property
    def latents(self) -> tuple[Array, Array]:
        """Latents of the training and of the held-out images."""
        self.model  # noqa: B018 - its file must be there
        header = storage.read(self.inputs.model_file(self.name, self.seed)).header
        key = key_of(*self.inputs.fingerprints, header)
        path = self.out / "kept" / f"{slug(self.name)}-{self.seed}-latents.npz"
        with contextlib.suppress(OSError, ValueError, KeyError, BadZipFile), np.load(path) as kept:
            if str(kept["key"]) == key:
                return kept["train"], kept["held_out"]
        self.progress.set(doing=f"{self.label}: encode")
        train = pipeline.encode(self.model, self.inputs.train.images)
        held_out = pipeline.encode(self.model, self.inputs.held_out)
        storage.write_arrays(path, {"train": train, "held_out": held_out, "key": np.array(key)})
        return train, held_out

    @cached_property
    def judge(self) -> Judge:
        """Takes the metrics, between latents and between features."""
        train, held_out = self.latents
        return Judge(
            (held_out, train),
            self.inputs.features,
            metrics=self.config.metrics,
            max_searched=self.config.max_searched,
        )

    @cached_property
    def reconstructions(self) -> Array:
        """Features of the decoded latents of the held-out images."""
        return self.inputs.kept_features(self._decoded)

    @cached_property
    def _decoded(self) -> Array:
        return pipeline.decode(self.model, self.latents[1])

    @cached_property
    def _of_reconstructions(self) -> Moments:
        return Moments().update(self.reconstructions)

    @cached_property
    def _of_tuning(self) -> Moments:
        decoded = pipeline.decode(self.model, pipeline.encode(self.model, self.inputs.tuning))
        return Moments().update(self.inputs.kept_features(decoded))

    def _reconstructions(self, wanted: list[Datum]) -> Iterator[Found]:
        images, card = self.inputs.held_out, getattr(self.model, "card", {})
        real = to_levels(images) / 255.0
        error, of_mean = np.square(real - self._decoded).mean(), np.square(real - self.inputs.mean_image).mean()
        quality = [name for name in self.judge.quality if METRICS[name].space == "features"]
        for datum in wanted:
            begin = time.perf_counter()
            scores = self.judge.score(self.latents[1], self.reconstructions, metrics=quality)
            errors = {
                "mean_squared_error": card.get("mean_squared_error"),
                "held_out_mean_squared_error": float(error),
                "mean_image_squared_error": float(of_mean),
            }
            seconds = {"score_seconds": time.perf_counter() - begin}
            if "seconds_per_epoch" in card:
                seconds["seconds_per_epoch"] = card["seconds_per_epoch"]
                seconds["training_seconds"] = card["seconds_per_epoch"] * card["epochs_trained"]
            if self._is_shown(datum):
                self._show(datum, images, self._decoded)
            yield datum, scores | errors, seconds

    def _real(self, wanted: list[Datum]) -> Iterator[Found]:
        for datum in wanted:
            begin = time.perf_counter()
            scores = self.judge.real_run(datum.sampling_seed, self.n_samples)
            yield datum, scores, {"score_seconds": time.perf_counter() - begin}

    def _sampler(self, wanted: list[Datum]) -> Iterator[Found]:
        self.latents  # noqa: B018 - a failure of the autoencoder is none of the sampler
        try:
            sampler, fit_seconds = self._fitted(wanted[0])
        except MissingExtraError:
            raise
        except FAILURES as error:
            yield from ((datum, {"failed": str(error)}, {}) for datum in wanted)
            return
        chosen = {name.rstrip("_"): float(getattr(sampler, name)) for name in CHOSEN if _is_number(sampler, name)}
        facts = {"chosen": chosen, **_log_likelihood(sampler, self.latents[1][:N_LIKELIHOOD])}
        for datum in wanted:
            begin = time.perf_counter()
            latents = sampler.sample(self.n_samples, random_state=datum.sampling_seed)
            drawn = time.perf_counter()
            images = pipeline.decode(self.model, latents)
            features = self.inputs.extractor(images)
            scores = self.judge.score(latents, features, run=datum.sampling_seed)
            scores[TO_RECONSTRUCTIONS] = frechet_distance(self._of_reconstructions, features)
            scores["replicates"] = self.judge.replicates(latents, features, metrics=[QUALITY])
            if self.config.tuning:
                scores[TUNING_DISTANCE] = frechet_distance(self._of_tuning, features)
            if self._is_shown(datum):
                _, nearest = nearest_rows(latents[: self.config.n_shown], self.latents[0])
                decoded = pipeline.decode(self.model, self.latents[0][nearest])
                self._show(datum, images, decoded, self.inputs.train.images[nearest])
            seconds = {"fit_seconds": fit_seconds, "sample_seconds": drawn - begin}
            yield datum, {**scores, **facts}, seconds | {"score_seconds": time.perf_counter() - drawn}

    def _fitted(self, datum: Datum) -> tuple[Any, float]:
        """Return a fitted sampler and the seconds of its fit; one that an interrupted run has fitted is read."""
        path = fitted_file(self.out, datum)
        seconds_path = path.with_suffix(".json")
        with contextlib.suppress(FileFormatError, ValueError):  # what is damaged is fitted again
            if seconds_path.exists():
                return pipeline.load(path), float(json.loads(seconds_path.read_text(encoding="utf-8")))
        train = self.latents[0]
        sampler = sampler_of(self.config.samplers_of(self.name)[datum.sampler], self.model, self.seed)
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a calibration that misses its target shows in the nn ratio
            sampler.fit(train)
        seconds = time.perf_counter() - begin
        path.parent.mkdir(exist_ok=True)
        sampler.save(path)
        storage.write_atomic(seconds_path, json.dumps(seconds).encode())
        return sampler, seconds

    def _is_shown(self, datum: Datum) -> bool:
        first = (self.config.training_seeds[0], self.config.sampling_seeds[0])
        return datum.sampler in self.config.shown and (datum.training_seed, datum.sampling_seed) == first

    def _show(self, datum: Datum, *rows: Array) -> None:
        """Keep the first images of a row for the report, and those to stand below them."""
        if not self.config.show_training_images:
            rows = rows[-1:] if datum.sampler == RECONSTRUCTIONS else rows[:1]
        path = self.out / "images" / f"{slug(self.name)}-{slug(datum.sampler)}.npy"
        storage.write_array(path, np.stack([to_levels(row[: self.config.n_shown]) for row in rows]))


def fitted_file(out: Path, datum: Datum) -> Path:
    """Return where the folder of a study keeps a fitted sampler."""
    return out / "kept" / "fitted" / f"{datum.key}.safetensors"


@cache
def _versions() -> dict[str, str]:
    machine = report.machine()
    return {name: machine[name] for name in ("vicinal", "numpy", "numba", "scikit-learn", "torch") if name in machine}


def _log_likelihood(sampler: Any, latents: Array) -> dict[str, float]:
    """Return the mean log density of held-out latents, in nats; nothing where there is no density, or it is zero."""
    if not hasattr(sampler, "score"):
        return {}
    value = float(sampler.score_samples(latents).mean())
    return {"log_likelihood": value} if np.isfinite(value) else {}


def _is_number(sampler: Any, name: str) -> bool:
    value = getattr(sampler, name, None)
    return value is not None and np.ndim(value) == 0


def _in_words(rows: list[dict[str, Any]]) -> str:
    """Return what was measured, in a few words."""
    if "failed" in rows[0]:
        return f"failed: {rows[0]['failed']}"
    names = ("frechet_distance", "nn_ratio", "fit_seconds")
    parts = [
        f"{name.replace('_', ' ')} {np.mean([row[name] for row in rows]):.4g}" for name in names if name in rows[0]
    ]
    return ", ".join(parts)
