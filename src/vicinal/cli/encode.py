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
            help="The file to write: .npy, .npz, .safetensors, .zarr, .parquet or .csv.",
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
    storage.check_there(images)
    autoencoder = load_model(model)
    reader = image_files.read_with_classes if labels else lambda *given: (image_files.open_rows(*given), [])
    with in_options(), _progress.bar("Reading"):
        read, classes = reader(images, image_size)
        if image_size is not None:  # arrays are not resized yet; the range of floats is that of all
            read = resize(np.asanyarray(read[:]), image_size, str(images))
    with (
        of_model(model, f"cannot encode images of shape {tuple(read.shape[1:])}"),
        array_files.open_file(output, giver="encode") as sink,
    ):
        pipeline.encode(autoencoder, read, out=sink, batch_size=batch_size, device=device, progress=True)
    typer.echo(f"wrote {output}: {sink.n_rows:,} latents of shape {sink.shape}")
    if labels:
        storage.write_array(beside, np.array(classes))
        typer.echo(f"wrote {beside}: {len(set(classes)):,} classes; vicinal fit takes them by --labels {beside}")
