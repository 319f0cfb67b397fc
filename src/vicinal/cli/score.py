"""``vicinal evaluate``: score sets of samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import InvalidInputError, import_extra
from vicinal.cli.features import Cache, Device, Features, Weights, before_reading
from vicinal.cli.features import extractor as make_extractor
from vicinal.cli.files import Force, ImageSize, check_free, in_options
from vicinal.cli.sets import ByClass, Reader, check_features_named, has_files


def evaluate(
    real: Annotated[
        Path, typer.Argument(help="Held-out data: folder, zip or tar of images, .npy or .npz file; or statistics.")
    ],
    generated: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]GENERATED", help="Samples, likewise; several of one NAME are seeds of one source."
        ),
    ],
    train: Annotated[Path | None, typer.Option(help="The data the sampler was fitted to; needed for novelty.")] = None,
    features: Features = "auto",
    weights: Weights = None,
    metrics: Annotated[str | None, typer.Option(help="Names with commas between, or all; a few without.")] = None,
    baseline: Annotated[str | None, typer.Option(help="Name of the samples to compare the others with.")] = None,
    reconstructions: Annotated[
        Path | None, typer.Option(help="REAL sent through the autoencoder: a row to compare with.")
    ] = None,
    image_size: ImageSize = None,
    by_class: ByClass = False,
    cache: Cache = None,
    device: Device = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the scores, as .json, .csv or .md.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a page to look at, .html: verdict, table, plot, images.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the subsets.")] = 0,
    force: Force = False,
) -> None:
    """Score samples against held-out data: quality, and novelty when the training data are given."""
    from vicinal import storage

    if output is not None:
        _check_table(output, force)
    if report is not None:
        _check_report(report, force)
    sets = _by_name(generated)
    storage.check_there(real, *(path for paths in sets.values() for path in paths), train, reconstructions)
    from vicinal.evaluation import evaluate as score
    from vicinal.evaluation.scores import check_baseline

    check_baseline(baseline, list(sets))  # here already: reading may take minutes
    wanted = _metric_names(metrics, has_train=train is not None)
    options: dict[str, Any] = {"weights": weights, "device": device, "cache": cache}
    reader = Reader(image_size, before_reading(features, of_files=has_files(real), **options), by_class=by_class)
    by_images = partial(make_extractor, features, **options) if features == "auto" else None
    with in_options(), _progress.bar("Reading") as progress:
        given = _read(reader, by_images, real, sets, train, reconstructions)
        progress.set(doing="Evaluating")
        scores = score(
            **given,
            metrics=wanted,
            baseline=baseline,
            random_state=seed,
            on_row=lambda name: progress.set(doing=f"Evaluating: {name} is done"),
        )
    typer.echo(str(scores))
    if output is not None:
        _write_table(output, scores)
    if report is not None:
        from vicinal.report import write_scores

        first = {name: several[0] for name, several in given["generated"].items()}
        write_scores(report, scores, first, train=given["train"], title=str(real))


def _check_report(path: Path, force: bool) -> None:
    """Raise an error, before anything takes long, if the page cannot be written."""
    if path.suffix.lower() != ".html":
        raise InvalidInputError(f"--report must end in .html; got {path}")
    for module in ("jinja2", "matplotlib"):
        import_extra(module, "report")
    check_free(path, force)


def _check_table(path: Path, force: bool) -> None:
    """Raise InvalidInputError if no table can be written to a file."""
    if path.suffix.lower() not in (".json", ".csv", ".md"):
        raise InvalidInputError(f"--output must end in .json, .csv or .md; got {path}")
    check_free(path, force)


def _read(
    reader: Reader,
    by_images: Callable[..., Any] | None,
    real: Path,
    generated: Mapping[str, Sequence[Path]],
    train: Path | None,
    reconstructions: Path | None,
) -> dict[str, Any]:
    """Return sets, classes and features as `vicinal.evaluate` takes them.

    ``by_images`` gives the features that go with the held-out images; None if features are named.
    """
    of_real = reader.read(real)
    samples = {name: [reader.read(path) for path in paths] for name, paths in generated.items()}
    if by_images is not None:
        check_features_named(of_real, [each for several in samples.values() for each in several])
        if reader.extractor is None and not of_real.are_statistics:
            reader.extractor = by_images(images=of_real.rows)
    of_train = None if train is None else reader.read(train)
    without_classes = Reader(reader.image_size, reader.extractor)
    of_samples = {name: [each.labels for each in several] for name, several in samples.items()}
    return {
        "real": of_real.rows,
        "generated": {name: [each.rows for each in several] for name, several in samples.items()},
        "train": None if of_train is None else of_train.rows,
        "reconstructions": None if reconstructions is None else without_classes.read(reconstructions).rows,
        "features": reader.extractor,
        "image_size": reader.image_size,
        "real_labels": of_real.labels,
        "generated_labels": None if of_real.labels is None else of_samples,
        "train_labels": None if of_train is None else of_train.labels,
    }


def _write_table(path: Path, scores: Any) -> None:
    from vicinal import storage

    if path.suffix.lower() == ".csv":
        scores.to_csv(path)
        return
    is_json = path.suffix.lower() == ".json"
    text = json.dumps(scores.to_dict(), indent=1) + "\n" if is_json else scores.to_markdown()
    storage.write_atomic(path, text.encode("utf-8"))


def _by_name(arguments: Sequence[str]) -> dict[str, list[Path]]:
    """Return the paths of the samples by the name of their source, which is that of the file where none is given."""
    named = [_split(argument) for argument in arguments]
    if len({path for _, path in named}) < len(named):
        raise InvalidInputError("the files of samples must differ; one is named twice")
    given = {name for name, _ in named}
    files = [path.name for name, path in named if not name]
    sets: dict[str, list[Path]] = {}
    for name, path in named:
        label = name or (path.name if path.name and files.count(path.name) == 1 else str(path))
        if not name and label in given:
            raise InvalidInputError(f"{path} is called {label!r}, as is another source; give it a name: NAME={path}")
        sets.setdefault(label, []).append(path)
    return sets


def _split(argument: str) -> tuple[str, Path]:
    """Return name and path of ``NAME=PATH``; a path that exists is no such pair, whatever is in it."""
    name, equals, path = argument.partition("=")
    if not equals or Path(argument).exists():
        return "", Path(argument)
    if not (name and path):
        raise InvalidInputError(f"GENERATED must be a path or NAME=PATH; got {argument!r}")
    return name, Path(path)


def _metric_names(metrics: str | None, has_train: bool) -> list[str] | None:
    from vicinal import _validation
    from vicinal.evaluation import METRICS

    if metrics is None:
        return None
    if metrics == "all":
        return [name for name, metric in METRICS.items() if has_train or not metric.needs_train]
    return [_validation.check_choice(name.strip(), "--metrics", ("all", *METRICS)) for name in metrics.split(",")]
