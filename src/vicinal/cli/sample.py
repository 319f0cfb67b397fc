"""``vicinal sample``: latents from a fitted sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal.cli.files import Force, SavedSampler, check_array_output, class_of, load_sampler


def sample(
    sampler: SavedSampler,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The file to write: .npy, .npz, .safetensors, .zarr, .parquet or .csv."),
    ],
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", help="Latents to draw.")] = 1,
    label: Annotated[str | None, typer.Option("--class", help="Draw within this class.")] = None,
    seed: Annotated[int | None, typer.Option(help="Beats the seed kept with the sampler.")] = None,
    start: Annotated[int, typer.Option(help="First row of the endless stream of samples.")] = 0,
    force: Force = False,
) -> None:
    """Draw latents from a fitted sampler."""
    from vicinal import _validation, array_files, pipeline

    check_array_output(output, force)
    _validation.check_integer(n_samples, "--n-samples", minimum=1)
    fitted = load_sampler(sampler)
    given: dict[str, Any] = {"y": class_of(fitted, label), "random_state": seed, "start": start}
    with _progress.bar("Sampling", n_samples) as progress, array_files.open_file(output, giver="sample") as sink:
        for latents in pipeline.drawn(fitted, n_samples, **given):
            sink.add(latents)
            progress.advance(len(latents))
    typer.echo(f"wrote {output}")
