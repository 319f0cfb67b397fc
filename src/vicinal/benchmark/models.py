"""The autoencoders of a study: read where they are there, trained where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vicinal import pipeline
from vicinal._errors import InvalidInputError
from vicinal.benchmark.config import Config, slug
from vicinal.benchmark.data import Data
from vicinal.benchmark.progress import Watch


def model_file(config: Config, name: str, seed: int, folder: Path) -> Path:
    """Return the file of an autoencoder: the user's own, or that of the study."""
    settings = config.training_of(name)
    return config.folder / settings["path"] if "path" in settings else folder / f"{slug(name)}-{seed}.safetensors"


def model_of(config: Config, name: str, seed: int, data: Data, folder: Path, device: str, watch: Watch) -> Any:
    """Return an autoencoder on a device; a training that was interrupted goes on.

    Parameters
    ----------
    config, data
        The study.
    name, seed : str, int
        Which autoencoder, and the seed of its training.
    folder : Path
        Where trained autoencoders are.
    device : str
        Where it trains and runs.
    watch : Watch
        Shows the epochs.

    Raises
    ------
    InvalidInputError
        If the file is of another training.
    """
    path, settings = model_file(config, name, seed, folder), config.training_of(name)
    if not ("path" in settings or path.exists()):
        _train(settings, seed, data, path, device, lambda epoch: watch.doing(f"{name}, seed {seed}: train, {epoch}"))
    model = pipeline.load(path)
    if "path" not in settings:
        path.with_suffix(".checkpoint").unlink(missing_ok=True)  # here, for a run that was stopped after its model
        _check(model.card, settings, seed, data, path)
    return model.to(device)


def _train(settings: dict[str, Any], seed: int, data: Data, path: Path, device: str, say: Any) -> None:
    from vicinal.autoencoders.training import train

    options = {key: value for key, value in settings.items() if key != "objective"}
    checkpoint = path.with_suffix(".checkpoint")
    say("start")
    model = train(
        settings["objective"],
        data.train.images,
        **options,
        random_state=seed,
        device=device,
        checkpoint=checkpoint,
        resume=True,
        on_epoch=lambda epoch, loss: say(f"epoch {epoch}, loss {loss:.4g}"),
    )
    model.save(path)


def _check(card: dict[str, Any], settings: dict[str, Any], seed: int, data: Data, path: Path) -> None:
    """Raise InvalidInputError if a card tells of another training than the study's."""
    known = {**card, **card["options"]}
    wanted = {**settings, "random_state": seed, "sha256": data.fingerprints[0]}
    if "batch_size" in settings:
        wanted["batch_size"] = min(settings["batch_size"], len(data.train.images))  # as a training takes it
    differing = [name for name, value in wanted.items() if known.get(name) != value]
    if differing:
        changes = ", ".join(f"{name} was {known.get(name)}, is {wanted[name]}" for name in differing)
        raise InvalidInputError(f"{path} is of another training: {changes}; move it away, or name another --out")
