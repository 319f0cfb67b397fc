"""``vicinal sample``: latents from a fitted sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vicinal import _progress
from vicinal.cli.files import Force, SavedSampler, check_array_output, class_of, load_sampler


def sample(
    sampler: SavedSampler,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .npy, .npz, .safetensors, .parquet or .csv.")
    ],
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", help="Latents to draw.")] = 1,
    label: Annotated[str | None, typer.Option("--class", help="Draw within this class.")] = None,
    seed: Annotated[int | None, typer.Option(help="Beats the seed kept with the sampler.")] = None,
    start: Annotated[int, typer.Option(help="First row of the endless stream of samples.")] = 0,
    force: Force = False,
) -> None:
    """Draw latents from a fitted sampler."""
    from vicinal import array_files

    check_array_output(output, force)
    fitted = load_sampler(sampler)
    with _progress.bar("Sampling"):
        latents = fitted.sample(n_samples, y=class_of(fitted, label), random_state=seed, start=start)
        array_files.write(output, latents)
    typer.echo(f"wrote {output}")
