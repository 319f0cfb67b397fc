"""``vicinal decode``: latents to images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
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
    from vicinal import _validation, array_files, pipeline
    from vicinal.image_files import writing

    check_images_output(output, None, force)
    _validation.check_integer(batch_size, "--batch-size", minimum=1)
    autoencoder = load_model(model)
    rows = array_files.read(latents, key)
    pipeline.check_latents(autoencoder, rows.shape[1:], str(latents))

    def blocks(progress: _progress.Bar) -> Iterator[Any]:
        for first in range(0, len(rows), batch_size):
            block = rows[first : first + batch_size]
            yield pipeline.decode(autoencoder, block, batch_size=batch_size, device=device)
            progress.advance(len(block))

    with of_model(model, f"cannot decode latents of shape {rows.shape[1:]}"):
        if output.suffix == ".npy":
            pipeline.decode(autoencoder, rows, out=output, batch_size=batch_size, device=device, progress=True)
        else:
            with _progress.bar("Decoding", len(rows)) as progress:
                writing.write(output, blocks(progress))
    typer.echo(f"wrote {output}: {len(rows):,} images")
