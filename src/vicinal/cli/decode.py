"""``vicinal decode``: latents to images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vicinal.cli.features import Device
from vicinal.cli.files import Force, ImagesOutput, check_images_output
from vicinal.cli.models import Model, load_model, of_model


def decode(
    model: Model,
    latents: Annotated[Path, typer.Argument(help="A file of latents, as vicinal encode and sample write.")],
    output: ImagesOutput,
    key: Annotated[str | None, typer.Option(help="Array in the file; columns of a table, with commas.")] = None,
    batch_size: Annotated[int, typer.Option(help="Latents at a time.")] = 256,
    device: Device = None,
    force: Force = False,
) -> None:
    """Decode latents to images."""
    from vicinal import array_files, pipeline
    from vicinal.image_files import writing

    check_images_output(output, None, force)  # before the work
    rows = array_files.open_array(latents, key)
    writing.check_output(output, rows.shape[0], "--output")
    autoencoder = load_model(model)
    pipeline.check_latents(autoencoder, rows.shape[1:], str(latents))
    with (
        of_model(model, f"cannot decode latents of shape {tuple(rows.shape[1:])}"),
        writing.open_output(output) as sink,
    ):
        pipeline.decode(autoencoder, rows, out=sink, batch_size=batch_size, device=device, progress=True)
    typer.echo(f"wrote {output}: {sink.n_rows:,} images")
