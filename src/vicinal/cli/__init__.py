"""The command line: arguments in, one call each, one readable line when something is wrong."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import FileFormatError, InvalidInputError, VicinalError
from vicinal._version import __version__
from vicinal.cli.features import Weights, cache
from vicinal.cli.files import Force, check_free
from vicinal.cli.score import evaluate
from vicinal.cli.statistics import statistics
from vicinal.cli.train import train

app = typer.Typer(
    name="vicinal",
    help="Turn any trained autoencoder into a generator, and see whether its samples are new.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

_SAMPLERS = {
    "local": "LocalSampler",
    "pmf": "PMFSampler",
    "gmm": "GMMSampler",
    "kde": "KDESampler",
    "copula": "CopulaSampler",
    "gaussian": "GaussianSampler",
    "hypersphere": "HypersphereSampler",
    "flow": "FlowSampler",
    "two-stage": "TwoStageSampler",
    "bootstrap": "BootstrapSampler",
}
_UsageError: Any = typer.BadParameter.__base__  # the base of every usage error, whichever click Typer brings


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
    from vicinal.benchmark import run_demo

    report = run_demo(out, dataset=dataset, data_dir=data_dir, random_state=seed, force=force, show_progress=True)
    typer.echo(f"wrote {report}")


app.command(
    epilog="Example:  vicinal train --dataset digits --objective rae-l2 --latent-dim 8 --out run --option beta=0.1"
)(train)


@app.command(epilog="Example:  vicinal fit latents.npy -o sampler.safetensors --sampler pmf --n-bins 32")
def fit(
    latents: Annotated[Path, typer.Argument(help="A .npy file of shape (n_samples, ...).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, *.safetensors.")],
    sampler: Annotated[str, typer.Option(help=f"One of {', '.join(_SAMPLERS)}.")] = "pmf",
    n_bins: Annotated[
        int | None, typer.Option(help="Bins in each dimension (pmf, copula); calibrated without (pmf).")
    ] = None,
    novelty: Annotated[
        float | None, typer.Option(help="Calibrate to this nn ratio, 1 as far as fresh data (pmf, local, kde).")
    ] = None,
    n_neighbors: Annotated[
        int | None, typer.Option(help="Latents in a neighbourhood (local); calibrated without.")
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Spread of samples over that of their latents (local).")] = None,
    max_iter: Annotated[
        int | None, typer.Option(help="Most steps: moves of latents (local), iterations (gmm).")
    ] = None,
    n_components: Annotated[
        str | None, typer.Option(help="Gaussians of the mixture, or bic to choose them (gmm).")
    ] = None,
    bandwidth: Annotated[float | None, typer.Option(help="Kernel width in standard deviations (kde).")] = None,
    covariance_type: Annotated[str | None, typer.Option(help="full, diag or standard (gaussian).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed kept with the sampler; fresh entropy without.")] = None,
    force: Force = False,
) -> None:
    """Fit a sampler to latents."""
    from vicinal import samplers, storage

    if sampler not in _SAMPLERS:
        raise InvalidInputError(f"--sampler must be one of {', '.join(_SAMPLERS)}; got {sampler!r}")
    kind = getattr(samplers, _SAMPLERS[sampler])
    options = {
        "n_bins": n_bins,
        "novelty": novelty,
        "n_neighbors": n_neighbors,
        "scale": scale,
        "max_iter": max_iter,
        "n_components": int(n_components) if n_components and n_components.isdecimal() else n_components,
        "bandwidth": bandwidth,
        "covariance_type": covariance_type,
        "random_state": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    unknown = given.keys() - kind().get_params().keys()
    if unknown:
        names = ", ".join("--" + name.replace("_", "-") for name in sorted(unknown))
        raise InvalidInputError(f"{names} does not go with --sampler {sampler}")
    if novelty is not None:
        _leave_to_novelty(sampler, given)
    check_free(output, force)
    with _progress.bar(f"Fitting {sampler}"):
        kind(**given).fit(storage.read_array(latents)).save(output)
    typer.echo(f"wrote {output}")


def _leave_to_novelty(sampler: str, given: dict[str, Any]) -> None:
    """Raise InvalidInputError if nothing is left to calibrate; have the kernels calibrated."""
    for name, words in (("n_bins", "number of bins"), ("bandwidth", "bandwidth")):
        if name in given:
            option = name.replace("_", "-")
            raise InvalidInputError(f"--novelty calibrates the {words}, so it does not go with --{option}")
    if {"n_neighbors", "scale"} <= given.keys():
        raise InvalidInputError("--novelty calibrates, so one of --n-neighbors and --scale must be left to it")
    if sampler == "kde":
        given["bandwidth"] = "auto"


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
    from vicinal import pipeline, samplers, storage

    fitted = pipeline.load(sampler)
    if not isinstance(fitted, samplers.Sampler):
        raise FileFormatError(f"{sampler} holds a {type(fitted).__name__}; expected a sampler")
    check_free(output, force)
    with _progress.bar("Sampling"):
        storage.write_array(output, fitted.sample(n_samples, random_state=seed, start=start))
    typer.echo(f"wrote {output}")


app.command(epilog="Example:  vicinal evaluate real/ ours=seed0/ ours=seed1/ gan=gan.npz --train train/ -o scores.md")(
    evaluate
)


app.command(epilog="Example:  vicinal cache kept/features --clear")(cache)


app.command(epilog="Example:  vicinal statistics train/ -o train.npz --features inception --weights FILE")(statistics)


@app.command(epilog="Example:  vicinal benchmark benchmarks/configs/mnist.toml --data-dir DIR --out build/mnist")
def benchmark(
    config: Annotated[Path, typer.Argument(help="The study: a TOML file, see docs/benchmark.md.")],
    out: Annotated[Path, typer.Option(help="Folder of everything found; a run that was stopped there goes on.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the files of the data set.")] = None,
    device: Annotated[str, typer.Option(help="Where networks train and run: cpu, cuda, ...")] = "cpu",
    weights: Weights = None,
) -> None:
    """Compare samplers over autoencoders and seeds; interrupted, the same command goes on."""
    from vicinal.benchmark import run

    places: dict[str, Any] = {"data_dir": data_dir, "device": device, "weights": weights}
    report = run(config, out, **places, show_progress=True)
    typer.echo(f"wrote {report}")


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
