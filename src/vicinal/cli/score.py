"""``vicinal evaluate``: score sets of samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import InvalidInputError, UnequalSizesError
from vicinal.cli.files import Force, ImageSize, check_free, in_options


def evaluate(
    real: Annotated[Path, typer.Argument(help="Held-out data: folder, zip or tar of images, or .npy or .npz file.")],
    generated: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]GENERATED", help="Samples, likewise; several of one NAME are seeds of one source."
        ),
    ],
    train: Annotated[Path | None, typer.Option(help="The data the sampler was fitted to; needed for novelty.")] = None,
    features: Annotated[
        str,
        typer.Option(
            help="Quality is measured between: none (the rows), pixels, efficientnet or inception features; "
            "auto is efficientnet for 8-bit images, else none."
        ),
    ] = "auto",
    inception_weights: Annotated[Path | None, typer.Option(help="File of weights, for inception.")] = None,
    metrics: Annotated[str | None, typer.Option(help="Names with commas between, or all; a few without.")] = None,
    baseline: Annotated[str | None, typer.Option(help="Name of the samples to compare the others with.")] = None,
    reconstructions: Annotated[
        Path | None, typer.Option(help="REAL sent through the autoencoder: a row to compare with.")
    ] = None,
    image_size: ImageSize = None,
    cache: Annotated[Path | None, typer.Option(help="Folder to keep features in, for the next time.")] = None,
    device: Annotated[str | None, typer.Option(help="Where networks run: cpu, cuda, ...; the CPU without.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the scores, as .json, .csv or .md.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the subsets.")] = 0,
    force: Force = False,
) -> None:
    """Score samples against held-out data: quality, and novelty when the training data are given."""
    from vicinal.evaluation import evaluate as score
    from vicinal.evaluation.scores import check_baseline

    if output is not None:
        if output.suffix.lower() not in (".json", ".csv", ".md"):
            raise InvalidInputError(f"--output must end in .json, .csv or .md; got {output}")
        check_free(output, force)
    sets = _by_name(generated)
    check_baseline(baseline, list(sets))  # here already: reading may take minutes
    wanted = _metric_names(metrics, has_train=train is not None)
    _check_features(features, inception_weights, device, cache)
    with in_options(), _progress.bar("Reading") as progress:
        reader = _Reader(image_size)
        rows = None if features != "none" and _has_files(real) else reader.read(real)
        extractor = _extractor(features, rows, inception_weights, device, cache)
        reader.extractor = extractor
        rows = reader.read(real) if rows is None else rows
        samples = {name: [reader.read(path) for path in paths] for name, paths in sets.items()}
        others = [None if path is None else reader.read(path) for path in (train, reconstructions)]
        progress.set(doing="Evaluating")
        scores = score(
            rows,
            samples,
            train=others[0],
            features=extractor,
            metrics=wanted,
            reconstructions=others[1],
            image_size=reader.image_size,
            baseline=baseline,
            random_state=seed,
            on_row=lambda name: progress.set(doing=f"Evaluating: {name} is done"),
        )
    typer.echo(str(scores))
    if output is not None:
        _write_table(output, scores)


class _Reader:
    """Reads sets of images or rows; what differs in size within a folder becomes the size that the features take."""

    def __init__(self, image_size: int | None) -> None:
        self.image_size = image_size
        self.extractor: Any = None

    def read(self, path: Path) -> Any:
        from vicinal import image_files

        try:
            return image_files.read(path)  # of one size: `evaluate` resizes it
        except UnequalSizesError:
            self.image_size = self.image_size or getattr(self.extractor, "image_size", None)
            if self.image_size is None:
                raise
            return image_files.read(path, self.image_size)


def _has_files(path: Path) -> bool:
    """Tell whether a path is a folder or an archive, which holds images."""
    from vicinal import image_files

    return path.is_dir() or image_files.is_archive(path)


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


_OPTIONS = {  # that go with each kind of features
    "auto": {"--device", "--cache"},
    "none": set[str](),
    "pixels": {"--cache"},
    "efficientnet": {"--device", "--cache"},
    "inception": {"--inception-weights", "--device", "--cache"},
}


def _check_features(features: str, weights: Path | None, device: str | None, cache: Path | None) -> None:
    if features not in _OPTIONS:
        raise InvalidInputError(f"--features must be one of {', '.join(_OPTIONS)}; got {features!r}")
    options = {"--inception-weights": weights, "--device": device, "--cache": cache}
    given = {option for option, value in options.items() if value is not None}
    if given - _OPTIONS[features]:
        names = ", ".join(sorted(given - _OPTIONS[features]))
        raise InvalidInputError(f"{names} does not go with --features {features}")
    if features == "inception" and weights is None:
        raise InvalidInputError(
            "--features inception needs a file of weights, which is never downloaded: name pytorch-fid's "
            "pt_inception-2015-12-05-6726825d.pth with --inception-weights"
        )


def _extractor(features: str, real: Any, weights: Any, device: str | None, cache: Path | None) -> Any:
    """Return the features that the options ask for, or None; ``real`` is None for a folder of images."""
    from vicinal.metrics import CachedFeatures, EfficientNetFeatures, InceptionFeatures, PixelFeatures

    if features == "auto":
        features = "efficientnet" if real is None or _are_images(real) else "none"
    if features == "none":
        return None
    extractor: Any = PixelFeatures()
    if features == "efficientnet":
        extractor = EfficientNetFeatures(device=device)
    elif features == "inception":
        extractor = InceptionFeatures(weights, device=device)
    return extractor if cache is None else CachedFeatures(extractor, cache)


def _are_images(array: Any) -> bool:
    """Tell whether an array is of 8-bit images, grey or RGB."""
    from vicinal import images

    try:
        images.to_rgb(array)
    except InvalidInputError:
        return False
    return bool(array.dtype == "uint8")
