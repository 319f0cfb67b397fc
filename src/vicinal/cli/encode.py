"""``vicinal encode``: images to latents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vicinal import _progress
from vicinal.cli.features import Device
from vicinal.cli.files import Force, ImageSize, check_array_output, check_free, in_options
from vicinal.cli.models import Model, load_model, of_model


def encode(
    model: Model,
    images: Annotated[Path, typer.Argument(help="Folder, zip or tar of images, or a file of an array.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file to write: .npy, .npz, .safetensors, .parquet or .csv. Of .npy, only a batch is in memory.",
        ),
    ],
    labels: Annotated[
        bool, typer.Option("--labels", help="Also write the class of each image, its folder, to NAME.labels.npy.")
    ] = False,
    image_size: ImageSize = None,
    batch_size: Annotated[int, typer.Option(help="Images at a time.")] = 256,
    device: Device = None,
    force: Force = False,
) -> None:
    """Encode images; vicinal fit takes what this writes."""
    from vicinal import array_files, image_files, pipeline, storage
    from vicinal.images import resize

    check_array_output(output, force)
    beside = output.with_name(f"{output.stem}.labels.npy")
    if labels:
        check_free(beside, force)
    autoencoder = load_model(model)
    reader = image_files.read_with_classes if labels else lambda *given: (image_files.read_mapped(*given), [])
    with in_options(), _progress.bar("Reading"):
        read, classes = reader(images, image_size)
        read = read if image_size is None else resize(read, image_size, str(images))  # arrays are not, when mapped
    out = output if output.suffix == ".npy" else None
    with of_model(model, f"cannot encode images of shape {read.shape[1:]}"):
        latents = pipeline.encode(autoencoder, read, out=out, batch_size=batch_size, device=device, progress=True)
    if out is None:
        array_files.write(output, latents)
    typer.echo(f"wrote {output}: {len(latents):,} latents of shape {tuple(latents.shape[1:])}")
    if labels:
        storage.write_array(beside, np.array(classes))
        typer.echo(f"wrote {beside}: {len(set(classes)):,} classes; vicinal fit takes them by --labels {beside}")
