"""``vicinal statistics``: mean and covariance of features, in the files that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import InvalidInputError
from vicinal.cli.features import Cache, Device, Features, Weights, before_reading, extractor
from vicinal.cli.files import Force, ImageSize, check_free, in_options
from vicinal.cli.sets import Reader, has_files


def statistics(
    data: Annotated[Path, typer.Argument(help="Folder, zip or tar of images, or .npy or .npz file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, *.npz.")],
    features: Features = "auto",
    weights: Weights = None,
    cache: Cache = None,
    device: Device = None,
    image_size: ImageSize = None,
    force: Force = False,
) -> None:
    """Write mean and covariance of features, as pytorch-fid reads them; vicinal evaluate takes them for a set."""
    from vicinal import storage

    if output.suffix.lower() != ".npz":
        raise InvalidInputError(f"--output must end in .npz, which other programs expect; got {output}")
    check_free(output, force)
    storage.check_there(data)
    from vicinal.evaluation.published import gathered

    options: dict[str, Any] = {"weights": weights, "device": device, "cache": cache}
    made = before_reading(features, of_files=has_files(data), **options)
    with in_options(), _progress.bar("Reading") as progress:
        reader = Reader(image_size, made)
        rows = reader.read_mapped(data)
        made = extractor(features, **options, images=rows) if features == "auto" and made is None else made
        if reader.image_size is not None:
            if made is None:
                raise InvalidInputError("image_size must be None for rows that are taken as they are: name --features")
            made = made.resized(reader.image_size)
        progress.set(doing="Features")
        moments, notes = gathered(rows, made)
        moments.save(output)
    of = "the rows as they are" if made is None else made.name
    typer.echo(
        "\n".join([*notes, f"wrote {output}: {moments.n_samples:,} rows, {len(moments.mean):,} features of {of}"])
    )
