"""``vicinal generate``: a sampler's latents, decoded."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vicinal.cli.features import Device
from vicinal.cli.files import (
    Force,
    ImagesOutput,
    SavedSampler,
    check_images_output,
    check_saved,
    class_of,
    load_sampler,
)
from vicinal.cli.models import Model, load_model, of_model


def generate(
    model: Model,
    sampler: SavedSampler,
    output: ImagesOutput,
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", help="Images to generate.")] = 64,
    label: Annotated[str | None, typer.Option("--class", help="Draw within this class.")] = None,
    seed: Annotated[int | None, typer.Option(help="Beats the seed kept with the sampler.")] = None,
    start: Annotated[int, typer.Option(help="First row of the endless stream of samples.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images at a time.")] = 256,
    device: Device = None,
    force: Force = False,
) -> None:
    """Draw latents from a fitted sampler and decode them to images."""
    from vicinal import _validation, pipeline
    from vicinal.image_files import writing

    check_images_output(output, n_samples, force)
    _validation.check_integer(n_samples, "--n-samples", minimum=1)
    check_saved(sampler)
    autoencoder, fitted = load_model(model), load_sampler(sampler)
    pipeline.check_latents(autoencoder, fitted.event_shape_, sampler)
    drawn: dict[str, Any] = {"y": class_of(fitted, label), "random_state": seed, "start": start}
    with (
        of_model(model, f"cannot decode latents of shape {fitted.event_shape_}, which {sampler} draws"),
        writing.open_output(output, first=start) as sink,
    ):
        options: dict[str, Any] = {"batch_size": batch_size, "device": device, "progress": True}
        pipeline.generate(autoencoder, fitted, n_samples, out=sink, **drawn, **options)
    typer.echo(f"wrote {output}: {n_samples:,} images")
