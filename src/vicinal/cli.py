"""The command line: arguments in, one call each, one readable line when something is wrong."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import __version__, _progress
from vicinal._errors import FileFormatError, InvalidInputError, VicinalError

app = typer.Typer(
    name="vicinal",
    help="Turn any trained autoencoder into a generator, and see whether its samples are new.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

_UsageError: Any = typer.BadParameter.__base__  # the base of every usage error, whichever click Typer brings

Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


def main() -> None:
    """Run the command line; exit code 2 and one line on standard error for anything a user can mend."""
    warnings.showwarning = _show_warning
    try:
        code = app(standalone_mode=False)
    except _UsageError as error:
        if not error.format_message():  # no command was given, and the error is the help
            error.show()
            sys.exit(2)
        _fail(error.format_message(), hint=" (see --help)")
    except MemoryError as error:
        _fail(f"not enough memory: {error}")
    except VicinalError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", code=130)
    if code == 130:  # what Typer makes of an interrupt
        _fail("interrupted", code=130)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, hint: str = "", code: int = 2) -> None:
    print("error:", " ".join(message.split()) + hint, file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print("warning:", " ".join(str(message).split()), file=sys.stderr)  # noqa: T201


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vicinal {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example:  vicinal demo --out demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for report, scores, autoencoders and samplers.")],
    dataset: Annotated[str, typer.Option(help="digits (built in) or mnist.")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the IDX files of mnist.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    force: Force = False,
) -> None:
    """Train autoencoders on real images, turn them into generators, and write a report."""
    from rich.console import Console

    from vicinal import demo as main_job

    console = Console(stderr=True)
    report = main_job.run(out, dataset=dataset, data_dir=data_dir, random_state=seed, force=force, console=console)
    typer.echo(f"wrote {report}")


@app.command(
    epilog="Example:  vicinal train --dataset digits --objective rae-l2 --latent-dim 8 --out run --option beta=0.1"
)
def train(
    out: Annotated[Path, typer.Option(help="Folder for autoencoder.safetensors and checkpoint.safetensors.")],
    dataset: Annotated[str, typer.Option(help="Name of a data set, such as digits (built in) or mnist.")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the files of the data set.")] = None,
    objective: Annotated[
        str, typer.Option(help="ae, dae, vae, wae-mmd, rae-l2, ...: see docs/autoencoders.md.")
    ] = "ae",
    latent_dim: Annotated[int, typer.Option(help="Dimensions of a latent.")] = 16,
    width: Annotated[int, typer.Option(help="Channels of the first stage of the networks.")] = 16,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 20,
    batch_size: Annotated[int, typer.Option(help="Images in a step.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Peak of the one-cycle schedule.")] = 5e-3,
    validation: Annotated[
        float, typer.Option(help="Share of the training images to hold out; the epoch that is best on them wins.")
    ] = 0.0,
    patience: Annotated[int | None, typer.Option(help="Stop after so many epochs without a better one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Of the objective, such as beta=4.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and noise.")] = 0,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the folder, if any.")] = False,
    force: Force = False,
) -> None:
    """Train an autoencoder; interrupted, the same command with --resume goes on."""
    from vicinal import datasets
    from vicinal._errors import import_extra

    import_extra("torch", "torch")
    from vicinal.autoencoders.training import train as train_autoencoder

    model_path, checkpoint = out / "autoencoder.safetensors", out / "checkpoint.safetensors"
    present = [path for path in (model_path, checkpoint) if path.exists()]
    if present and not (force or resume):
        raise InvalidInputError(f"{present[0]} exists; pass --resume to go on, or --force to start anew")
    options = _options_of_objective(option or [])
    with _progress.spinner("Reading"):
        images = datasets.load(dataset, data_dir=data_dir, split="train").images
    n_train = _n_train(len(images), validation)
    out.mkdir(parents=True, exist_ok=True)
    with _training_bar(objective, epochs) as on_epoch:
        model = train_autoencoder(
            objective,
            images[:n_train],
            latent_dim=latent_dim,
            width=width,
            n_epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation=images[n_train:] if n_train < len(images) else None,
            patience=patience,
            random_state=seed,
            device=device,
            checkpoint=checkpoint,
            resume=resume,
            on_epoch=on_epoch,
            **options,
        )
    model.save(model_path)
    typer.echo(f"wrote {model_path}, {_errors_of(model.card)}")


@app.command(epilog="Example:  vicinal fit latents.npy -o sampler.safetensors --sampler pmf --n-bins 32")
def fit(
    latents: Annotated[Path, typer.Argument(help="A .npy file of shape (n_samples, ...).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, *.safetensors.")],
    sampler: Annotated[str, typer.Option(help="pmf, gmm, kde, gaussian or bootstrap.")] = "pmf",
    n_bins: Annotated[int | None, typer.Option(help="Bins in each dimension (pmf); calibrated without.")] = None,
    novelty: Annotated[
        float | None, typer.Option(help="Calibrate to this nn ratio, 1 as new as fresh data (pmf).")
    ] = None,
    n_components: Annotated[int | None, typer.Option(help="Gaussians of the mixture (gmm).")] = None,
    bandwidth: Annotated[float | None, typer.Option(help="Kernel width in standard deviations (kde).")] = None,
    covariance_type: Annotated[str | None, typer.Option(help="full, diag or standard (gaussian).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed kept with the sampler; fresh entropy without.")] = None,
    force: Force = False,
) -> None:
    """Fit a sampler to latents."""
    from vicinal import samplers, storage

    kinds = {
        "pmf": samplers.PMFSampler,
        "gmm": samplers.GMMSampler,
        "kde": samplers.KDESampler,
        "gaussian": samplers.GaussianSampler,
        "bootstrap": samplers.BootstrapSampler,
    }
    if sampler not in kinds:
        raise InvalidInputError(f"--sampler must be one of {', '.join(kinds)}; got {sampler!r}")
    options = {
        "n_bins": n_bins,
        "novelty": novelty,
        "n_components": n_components,
        "bandwidth": bandwidth,
        "covariance_type": covariance_type,
        "random_state": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    unknown = given.keys() - kinds[sampler]().get_params().keys()
    if unknown:
        names = ", ".join("--" + name.replace("_", "-") for name in sorted(unknown))
        raise InvalidInputError(f"{names} does not go with --sampler {sampler}")
    if n_bins is not None and novelty is not None:
        raise InvalidInputError("--novelty calibrates the number of bins, so it does not go with --n-bins")
    _check_free(output, force)
    with _progress.spinner(f"Fitting {sampler}"):
        kinds[sampler](**given).fit(storage.read_array(latents)).save(output)
    typer.echo(f"wrote {output}")


@app.command(epilog="Example:  vicinal sample sampler.safetensors -n 1000 --seed 0 -o z.npy")
def sample(
    sampler: Annotated[Path, typer.Argument(help="A file written by vicinal fit or save().")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .npy file to write.")],
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", help="Latents to draw.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Beats the seed kept with the sampler.")] = None,
    start: Annotated[int, typer.Option(help="First row of the endless stream of samples.")] = 0,
    force: Force = False,
) -> None:
    """Draw latents from a fitted sampler."""
    fitted = _read_sampler(sampler)
    _check_free(output, force)
    with _progress.spinner("Sampling"):
        _write_array(output, fitted.sample(n_samples, random_state=seed, start=start))
    typer.echo(f"wrote {output}")


@app.command(epilog="Example:  vicinal evaluate real/ ours=seed0/ ours=seed1/ gan=gan.npz --train train/ -o scores.md")
def evaluate(
    real: Annotated[Path, typer.Argument(help="Held-out data: a folder of images, or a .npy or .npz file.")],
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
    cache: Annotated[Path | None, typer.Option(help="Folder to keep features in, for the next time.")] = None,
    device: Annotated[str | None, typer.Option(help="Where networks run: cpu, cuda, ...; the CPU without.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the scores, as .json, .csv or .md.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the subsets.")] = 0,
    force: Force = False,
) -> None:
    """Score samples against held-out data: quality, and novelty when the training data are given."""
    from vicinal import image_files
    from vicinal.evaluation import evaluate as score
    from vicinal.scores import check_baseline

    if output is not None:
        _check_table(output, force)
    sets = _by_name(generated)
    check_baseline(baseline, list(sets))  # here already: reading may take minutes
    wanted = _metric_names(metrics, has_train=train is not None)
    _check_features(features, inception_weights, device, cache)
    with _progress.spinner("Reading") as say:
        rows = image_files.read(real)
        extractor = _extractor(features, rows, inception_weights, device, cache)
        samples = {name: [image_files.read(path) for path in paths] for name, paths in sets.items()}
        others = [None if path is None else image_files.read(path) for path in (train, reconstructions)]
        say("Evaluating")
        scores = score(
            rows,
            samples,
            train=others[0],
            features=extractor,
            metrics=wanted,
            reconstructions=others[1],
            baseline=baseline,
            random_state=seed,
            on_row=lambda name: say(f"Evaluating: {name} is done"),
        )
    typer.echo(str(scores))
    if output is not None:
        _write_table(output, scores)


@app.command(epilog="Example:  vicinal info sampler.safetensors")
def info(path: Annotated[Path, typer.Argument(help="A file written by vicinal.")]) -> None:
    """Say what a file holds; its checksum is verified."""
    from vicinal import storage

    artifact = storage.read(path)
    settings = {k: v for key in ("params", "scalars", "card") for k, v in artifact.header.get(key, {}).items()}
    lines = {
        "kind": artifact.kind,
        "written by": f"vicinal {artifact.written_by}",
        "size": f"{path.stat().st_size:,} bytes",
        **{key: artifact.header[key] for key in ("event_shape", "dtype") if key in artifact.header},
        **settings,
        **{name: f"{array.dtype} {array.shape}" for name, array in artifact.arrays.items()},
    }
    width = max(map(len, lines))
    typer.echo("\n".join(f"{name:<{width}}  {value}" for name, value in lines.items()))


def _options_of_objective(arguments: Sequence[str]) -> dict[str, int | float]:
    options: dict[str, int | float] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        try:
            number = json.loads(value)
        except ValueError:
            number = None
        if not name or isinstance(number, bool) or not isinstance(number, int | float):
            raise InvalidInputError(f"--option must be KEY=VALUE with a number for VALUE; got {argument!r}")
        options[name] = number
    return options


def _n_train(n_images: int, share: float) -> int:
    """Return how many images, the first ones, are left for training."""
    if not 0.0 <= share < 1.0:
        raise InvalidInputError(f"--validation must be a share from 0 to below 1; got {share}")
    return n_images - round(share * n_images)


@contextmanager
def _training_bar(objective: str, n_epochs: int) -> Iterator[Callable[[int, float], None]]:
    """Show epochs, loss and time left on a terminal; yields the function that moves the bar on."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"))
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(f"Training {objective}"), total=max(n_epochs, 1), loss="")
        yield lambda epoch, loss: bar.update(task, completed=epoch, loss=f"loss {loss:.4g}")


def _errors_of(card: dict[str, Any]) -> str:
    """Return how well an autoencoder reconstructs, in words."""
    held_out = card["validation_mean_squared_error"]
    more = "" if held_out is None else f", of a validation pixel {held_out:.5f}"
    return f"mean squared error of a training pixel {card['mean_squared_error']:.5f}{more}"


def _check_free(path: Path, force: bool) -> None:
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path.parent} is not a folder; make it first")
    if path.exists() and not force:
        raise InvalidInputError(f"{path} exists; pass --force to replace it")


def _check_table(path: Path, force: bool) -> None:
    if path.suffix.lower() not in (".json", ".csv", ".md"):
        raise InvalidInputError(f"--output must end in .json, .csv or .md; got {path}")
    _check_free(path, force)


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
    from vicinal.metrics import METRICS

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
    """Return the features that the options ask for, or None."""
    from vicinal.metrics import CachedFeatures, EfficientNetFeatures, InceptionFeatures, PixelFeatures

    if features == "auto":
        features = "efficientnet" if _are_images(real) else "none"
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


def _read_sampler(path: Path) -> Any:
    from vicinal import pipeline, samplers

    fitted = pipeline.load(path)
    if not isinstance(fitted, samplers.Sampler):
        raise FileFormatError(f"{path} holds a {type(fitted).__name__}; expected a sampler")
    return fitted


def _write_array(path: Path, array: Any) -> None:
    import io

    import numpy as np

    from vicinal import storage

    buffer = io.BytesIO()
    np.save(buffer, array)
    storage.write_atomic(path, buffer.getvalue())


if __name__ == "__main__":
    main()
