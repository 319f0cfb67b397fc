"""``vicinal explore``: a model and its samplers in the browser."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import InvalidInputError, import_extra
from vicinal.cli.features import Device
from vicinal.cli.files import ImageSize, check_saved, in_options, load_sampler
from vicinal.cli.models import Model, load_model, of_model


def explore(
    model: Model,
    samplers: Annotated[
        list[str], typer.Argument(metavar="SAMPLER...", help="Files or folders that vicinal saved, or hf://user/repo.")
    ],
    images: Annotated[
        Path | None,
        typer.Option(help="The training images, in the order of the fit: folder, zip or tar, or a file of an array."),
    ] = None,
    image_size: ImageSize = None,
    port: Annotated[int, typer.Option(help="Where it listens on this machine; 0 takes a free one.")] = 7860,
    device: Device = None,
) -> None:
    """Look at samples in the browser: classes, novelty, paths, the nearest training data. Only this machine sees it."""
    from vicinal import storage

    if len(set(samplers)) < len(samplers):
        raise InvalidInputError("the files of samplers must differ; one is named twice")
    for path in samplers:
        check_saved(path)
    storage.check_there(images)
    import_extra("gradio", "explore")
    from vicinal.explore import Studio, serve

    fitted, autoencoder = {path: load_sampler(path) for path in samplers}, load_model(model)
    has_classes = any(hasattr(each, "classes_") for each in fitted.values())
    with in_options(), _progress.bar("Reading"):
        read, labels = (None, None) if images is None else _read(images, image_size, has_classes)
    with of_model(model, "cannot encode the images" if images else "cannot decode"):
        studio = Studio(autoencoder, fitted, read, labels=labels, device=device, progress=True)
    serve(studio, port=port, on_ready=lambda url: typer.echo(f"open {url} in a browser; Ctrl+C ends it"))


def _read(path: Path, image_size: int | None, has_classes: bool) -> tuple[Any, Any]:
    """Return images, and their classes if the samplers have some and the images show theirs."""
    from vicinal import image_files

    if has_classes:
        with suppress(InvalidInputError):  # they show no classes, which only a refit needs
            return image_files.read_with_classes(path, image_size)
    return image_files.read(path, image_size), None
