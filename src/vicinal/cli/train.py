"""``vicinal train``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal import _progress
from vicinal._errors import InvalidInputError, import_extra
from vicinal.cli.files import Force, in_options

MODEL, CHECKPOINT = "autoencoder.safetensors", "checkpoint.safetensors"
LATENTS, VALIDATION_LATENTS = "latents.npy", "validation-latents.npy"


def train(
    out: Annotated[
        Path, typer.Option(help="Folder for autoencoder.safetensors, latents.npy and checkpoint.safetensors.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="digits (built in, the default), mnist, fashion-mnist, celeba, mobius, or folder: your own."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder, or archive, of the files of the data set.")] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Resize images to this height and width, antialiased and in float; those of a folder are cropped to "
            "their central square first."
        ),
    ] = None,
    objective: Annotated[
        str, typer.Option(help="ae, dae, vae, wae-mmd, rae-l2, ...: see docs/autoencoders.md.")
    ] = "ae",
    latent_dim: Annotated[int, typer.Option(help="Dimensions of a latent.")] = 16,
    width: Annotated[int, typer.Option(help="Channels of the first stage of the networks.")] = 16,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images; 20 without, or those of 1,000 steps.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images in a step.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Peak of the one-cycle schedule.")] = 5e-3,
    validation: Annotated[
        float, typer.Option(help="Share of the training images to hold out; the epoch that is best on them wins.")
    ] = 0.0,
    patience: Annotated[int | None, typer.Option(help="Stop after so many epochs without a better one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Of the objective, such as beta=4.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and noise.")] = 0,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the folder, if any.")] = False,
    force: Force = False,
) -> None:
    """Train an autoencoder, and encode its training images; interrupted, the same command with --resume goes on."""
    from vicinal import datasets

    name = _dataset_of(dataset, data_dir)
    import_extra("torch", "torch")
    _check_unused(out, may_exist=force or resume)
    if not 0.0 <= validation < 1.0:
        raise InvalidInputError(f"--validation must be a share from 0 to below 1; got {validation}")
    options = _options_of_objective(option or [])
    settings: dict[str, Any] = {"latent_dim": latent_dim, "width": width, "n_epochs": epochs, "batch_size": batch_size}
    settings |= {"learning_rate": learning_rate, "patience": patience, "random_state": seed}
    settings |= {"device": device, "resume": resume}
    with in_options(), _progress.bar("Reading"):
        images = datasets.load(name, data_dir=data_dir, split="train", image_size=image_size).images
    parts = _parts(images, validation)
    model = _train(out, objective, parts, settings, options)
    if image_size is not None:
        _say_how_resized(image_size, cropped=name == "folder")
    _say_what_was_written(out, model.card, parts)


def _train(
    out: Path,
    objective: str,
    parts: Mapping[str, Any],
    settings: dict[str, Any],
    options: Mapping[str, Any],
) -> Any:
    """Train an autoencoder on the first part of the images, save it and the latents of each part, and return it."""
    from vicinal import pipeline, storage
    from vicinal.autoencoders import training

    images = parts[LATENTS]
    if settings["n_epochs"] is None:
        settings["n_epochs"] = training.enough_epochs(len(images), settings["batch_size"])
    out.mkdir(parents=True, exist_ok=True)
    with in_options(), _progress.bar(f"Training {objective}", settings["n_epochs"]) as progress:

        def on_epoch(_epoch: int, loss: float) -> None:
            progress.advance()
            progress.set(note=f"loss {loss:.4g}")

        held_out = parts.get(VALIDATION_LATENTS)
        settings |= {"validation": held_out, "checkpoint": out / CHECKPOINT, "on_epoch": on_epoch}
        model = training.train(objective, images, **settings, **options)
        progress.set(doing="Encoding")
        model.save(out / MODEL)
        for file, part in parts.items():
            storage.write_array(out / file, pipeline.encode(model, part))
    return model


def _parts(images: Any, validation: float) -> dict[str, Any]:
    """Return the images to train on, and those held out if any, by the names of the files of their latents."""
    n_train = len(images) - round(validation * len(images))
    held_out = {} if n_train == len(images) else {VALIDATION_LATENTS: images[n_train:]}
    return {LATENTS: images[:n_train], **held_out}


def _check_unused(out: Path, *, may_exist: bool) -> None:
    """Raise InvalidInputError if a folder has files of another training, unless they may be there."""
    present = [out / file for file in (MODEL, LATENTS, CHECKPOINT) if (out / file).exists()]
    if present and not may_exist:
        raise InvalidInputError(f"{present[0]} exists; pass --resume to go on, or --force to start anew")


def _say_how_resized(image_size: int, *, cropped: bool) -> None:
    """Print what was done to images that were given another size."""
    first = "cropped to their central square and " if cropped else ""
    typer.echo(
        f"Images are {first}resized to {image_size} x {image_size}: bicubic, antialiased, in float. Pixels are "
        "then rounded to 8 bits."
    )


def _say_what_was_written(out: Path, card: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    """Print which files there are, how good the model is, and how long it was trained."""
    held_out = card["validation_mean_squared_error"]
    more = "" if held_out is None else f", of a validation pixel {held_out:.5f}"
    typer.echo(f"wrote {out / MODEL}, mean squared error of a training pixel {card['mean_squared_error']:.5f}{more}")
    for file, part in parts.items():
        typer.echo(f"wrote {out / file}, {len(part):,} latents of {card['latent_dim']} dimensions")
    n_epochs = card["epochs_trained"]
    n_steps = n_epochs * (len(parts[LATENTS]) // card["batch_size"])
    typer.echo(f"trained {n_epochs} epochs, {n_steps:,} steps; --epochs sets another number")


def _dataset_of(dataset: str | None, data_dir: Path | None) -> str:
    """Return the name of the data set; raise InvalidInputError if it does not go with its folder."""
    from vicinal import _validation, datasets

    names = ", ".join(name for name in datasets.NAMES if name != "digits")
    if dataset is None and data_dir is not None:
        raise InvalidInputError(
            f"--data-dir {data_dir} needs --dataset: one of {names}; folder is for images of your own"
        )
    name = _validation.check_choice(dataset or "digits", "--dataset", datasets.NAMES)
    if name == "digits" and data_dir is not None:
        raise InvalidInputError(f"--data-dir does not go with --dataset digits, which is built in, but with {names}")
    return name


def _options_of_objective(arguments: Sequence[str]) -> dict[str, int | float]:
    options: dict[str, int | float] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        try:
            number = json.loads(value)
        except ValueError:
            number = None
        if not name or isinstance(number, bool) or not isinstance(number, int | float):
            raise InvalidInputError(f"--option must be KEY=VALUE with a number for VALUE; got {argument!r}")
        options[name] = number
    return options
