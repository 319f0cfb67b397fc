"""``vicinal generate``: a sampler's latents, decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal.cli.features import Device
from vicinal.cli.files import Force, ImagesOutput, SavedSampler, check_images_output, class_of, load_sampler
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
    _validation.check_integer(batch_size, "--batch-size", minimum=1)
    fitted, autoencoder = load_sampler(sampler), load_model(model)
    pipeline.check_latents(autoencoder, fitted.event_shape_, sampler)
    given: dict[str, Any] = {"y": class_of(fitted, label), "random_state": seed}
    given |= {"batch_size": batch_size, "device": device}

    def blocks(progress: _progress.Bar) -> Iterator[Any]:
        for first in range(0, n_samples, batch_size):
            n_rows = min(batch_size, n_samples - first)
            yield pipeline.generate(autoencoder, fitted, n_rows, start=start + first, **given)
            progress.advance(n_rows)

    with of_model(model, f"cannot decode latents of shape {fitted.event_shape_}, which {sampler} draws"):
        if output.suffix == ".npy":
            pipeline.generate(autoencoder, fitted, n_samples, start=start, out=output, progress=True, **given)
        else:
            with _progress.bar("Generating", n_samples) as progress:
                writing.write(output, blocks(progress), first=start)
    typer.echo(f"wrote {output}: {n_samples:,} images")
