"""``vicinal encode``: images to latents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vicinal import _progress
from vicinal.cli.files import Force, check_array_output
from vicinal.cli.models import Model, load_model, of_model


def encode(
    model: Model,
    images: Annotated[Path, typer.Argument(help="Folder, zip or tar of images, or a file of an array.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .npy, .npz, .safetensors, .parquet or .csv.")
    ],
    batch_size: Annotated[int, typer.Option(help="Images at a time.")] = 256,
    force: Force = False,
) -> None:
    """Encode images; vicinal fit takes what this writes."""
    from vicinal import array_files, image_files, pipeline

    check_array_output(output, force)
    autoencoder = load_model(model)
    with _progress.bar("Reading"):
        read = image_files.read(images)
    with of_model(model, f"cannot encode images of shape {read.shape[1:]}"):
        latents = pipeline.encode(autoencoder, read, batch_size=batch_size, progress=True)
    array_files.write(output, latents)
    typer.echo(f"wrote {output}: {len(latents):,} latents of shape {tuple(latents.shape[1:])}")
