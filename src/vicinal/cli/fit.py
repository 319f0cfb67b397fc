"""``vicinal fit``: a sampler for latents in files."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import InvalidInputError
from vicinal.cli.cluster import Scheduler, Workers, check_cluster, cluster
from vicinal.cli.files import Force, check_free

_NAMES = "local, pmf, gmm, kde, copula, gaussian, hypersphere, flow, two-stage or bootstrap"


def fit(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Latents: .npy, .npz, .safetensors, .pt, .h5, .h5ad, .zarr, .parquet, .csv; several are one data set."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, *.safetensors.")],
    key: Annotated[
        str | None, typer.Option(help="Array in the files, such as obsm/X_pca; columns of a table, with commas.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE|COLUMN", help="Classes: a file, or a column or array of the files.")
    ] = None,
    sampler: Annotated[str, typer.Option(help=f"{_NAMES}.")] = "local",
    n_bins: Annotated[
        int | None, typer.Option(help="Bins in each dimension (pmf, copula); calibrated without (pmf).")
    ] = None,
    novelty: Annotated[
        float | None, typer.Option(help="Calibrate to this nn ratio, 1 as far as fresh data (local, pmf, kde).")
    ] = None,
    n_neighbors: Annotated[
        int | None, typer.Option(help="Latents in a neighbourhood (local); calibrated without.")
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Spread of samples over that of their latents (local).")] = None,
    max_iter: Annotated[
        int | None, typer.Option(help="Most steps: moves of latents (local), iterations (gmm).")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(metavar="BYTES", help="Most memory of a fit, such as 4GB; more goes to disk (local).")
    ] = None,
    n_components: Annotated[
        str | None, typer.Option(help="Gaussians of the mixture, or bic to choose them (gmm).")
    ] = None,
    bandwidth: Annotated[float | None, typer.Option(help="Kernel width in standard deviations (kde).")] = None,
    covariance_type: Annotated[str | None, typer.Option(help="full, diag or standard (gaussian).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed kept with the sampler; fresh entropy without.")] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    force: Force = False,
) -> None:
    """Fit a sampler to latents, and say how new its samples are."""
    from vicinal import array_files, storage

    if output.suffix.lower() not in (".safetensors", ""):
        raise InvalidInputError(f"--output must end in .safetensors; got {output}")
    check_free(output, force)
    storage.check_there(*files)  # before imports, which take a second
    from vicinal import samplers
    from vicinal.samplers.how_new import HowNew
    from vicinal.samplers.named import named

    kind = named(sampler, "--sampler")
    options = {
        "n_bins": n_bins,
        "novelty": novelty,
        "n_neighbors": n_neighbors,
        "scale": scale,
        "max_iter": max_iter,
        "max_memory": max_memory,
        "n_components": int(n_components) if n_components and n_components.isdecimal() else n_components,
        "bandwidth": bandwidth,
        "covariance_type": covariance_type,
        "random_state": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    _check_options(kind, sampler, given.keys())
    if novelty is not None:
        _leave_to_novelty(given)
        if "bandwidth" in kind().get_params():
            given["bandwidth"] = "auto"
    on_cluster = check_cluster(workers, scheduler)
    if on_cluster and kind not in (samplers.LocalSampler, samplers.PMFSampler):
        raise InvalidInputError(
            f"--workers and --scheduler go with --sampler local and pmf; {kind.__name__} needs all latents in memory"
        )
    with (
        cluster(workers, scheduler) if on_cluster else nullcontext(),
        _progress.bar("Reading") as progress,
    ):
        X, y = (_delayed(files, key, labels), None) if on_cluster else array_files.read_dataset(files, key, labels)
        progress.set(doing=f"Fitting {kind.__name__}")
        fitted = kind(**given).fit(X, y)
        fitted.save(output)
        progress.set(doing="Measuring novelty")
        found = HowNew.of(fitted, X)
    typer.echo(f"wrote {output}: {kind.__name__}")
    if isinstance(found, str):
        typer.echo(f"how new its samples are cannot be said: {found}")
        return
    typer.echo(f"nn ratio {found.nn_ratio:.2f}, copied {100 * found.copied:.1f} %: {found.means}")
    typer.echo("(fresh data have nn ratio 1 and copied 1 %; copies have 0 and 100 %)")


def _delayed(files: list[Path], key: str | None, labels: str | None) -> list[Any]:
    """Return the files as parts that the workers of a cluster read."""
    from vicinal.integrations.dask import open_files

    return open_files([file.absolute() for file in files], key, labels)


def _check_options(kind: Any, name: str, given: AbstractSet[str]) -> None:
    """Raise InvalidInputError for options that the sampler does not have."""
    from vicinal import samplers
    from vicinal.samplers.named import NAMES

    for option in sorted(given - kind().get_params().keys()):
        owners = [short for short, long in NAMES.items() if option in getattr(samplers, long)().get_params()]
        flag = "--" + option.replace("_", "-")
        raise InvalidInputError(f"{flag} does not go with --sampler {name}; it goes with {' and '.join(owners)}")


def _leave_to_novelty(given: dict[str, Any]) -> None:
    """Raise InvalidInputError if nothing is left to calibrate."""
    for name, words in (("n_bins", "number of bins"), ("bandwidth", "bandwidth")):
        if name in given:
            option = name.replace("_", "-")
            raise InvalidInputError(f"--novelty calibrates the {words}, so it does not go with --{option}")
    if {"n_neighbors", "scale"} <= given.keys():
        raise InvalidInputError("--novelty calibrates, so one of --n-neighbors and --scale must be left to it")
