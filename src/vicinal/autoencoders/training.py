"""One readable loop that trains any objective; a checkpoint after each epoch brings back the same bits."""

from __future__ import annotations

import functools
import inspect
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, parametrize

from vicinal import _arrays, _validation, storage
from vicinal._arrays import Array
from vicinal._errors import CollapseWarning, InvalidInputError
from vicinal._version import __version__
from vicinal.autoencoders import checkpoint as checkpoints
from vicinal.autoencoders.checkpoint import Run
from vicinal.autoencoders.data import as_floats, check_images, evaluated, fingerprint, to_device
from vicinal.autoencoders.networks import ConvAutoencoder
from vicinal.autoencoders.objectives import OBJECTIVES, Objective, take

CLIP_NORM = 1.0  # of the gradient of the loss per pixel value
N_MEASURED = 10_000  # training images for the error on the card
USUAL_EPOCHS, ENOUGH_STEPS = 20, 1_000  # for `enough_epochs`
COLLAPSED = 0.9  # a model with more than this share of the mean image's error has learned almost nothing


def train(
    objective: str,
    images: Array,
    *,
    latent_dim: int,
    width: int = 16,
    n_epochs: int = 20,
    batch_size: int = 128,
    learning_rate: float = 5e-3,
    validation: Array | None = None,
    patience: int | None = None,
    random_state: int = 0,
    device: str = "cpu",
    checkpoint: storage.PathLike | None = None,
    resume: bool = False,
    on_epoch: Callable[[int, float], None] | None = None,
    **options: Any,
) -> ConvAutoencoder:
    """Train a convolutional autoencoder with Adam, a one-cycle learning rate and clipped gradients.

    Parameters
    ----------
    objective : str
        A name in `vicinal.autoencoders.objectives.OBJECTIVES`, such as ``"ae"`` or ``"rae-l2"``.
    images : array of shape (n, C, H, W)
        Floats in [0, 1] or integers in 0..255. All of them are moved to the device.
    latent_dim, width : int
        Sizes of the networks, see `ConvAutoencoder`.
    n_epochs, batch_size : int
        Passes over the images, and images per step. A last smaller batch is left out of its epoch.
    learning_rate : float
        Peak of the one-cycle schedule.
    validation : array of shape (m, C, H, W), optional
        Other images. The weights of the epoch with the lowest error on them are returned, instead of the last ones.
    patience : int, optional
        Stop after so many epochs without a better reconstruction of the validation images.
    random_state : int
        Seed of weights, order and noise.
    device : str
        Where to train, such as ``"cpu"`` or ``"cuda"``. A GPU with bfloat16 trains in mixed precision.
    checkpoint : path_like, optional
        A file to write after each epoch, whole or not at all; an earlier one is replaced.
    resume : bool
        Whether to go on from the checkpoint, if there is one; the settings and the images must be the same. On a
        CPU the result has the bits of a training that was never stopped.
    on_epoch : callable, optional
        Called with the epoch, from 1, and its mean loss.
    **options
        Those of the objective, such as ``beta=``; its function documents them and their defaults.

    Returns
    -------
    ConvAutoencoder
        In evaluation mode, on the device. Its ``card`` holds the settings of the training and the errors.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For images or settings that cannot be used, a loss that is no longer finite, and a checkpoint of other settings
        or other images.
    FileFormatError
        For a checkpoint that is damaged.

    Warns
    -----
    CollapseWarning
        If the model reconstructs training or validation images hardly better than the mean image. A learning rate
        that is too high does this. The sentence is on the card, too, as ``warning``.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, arXiv:1412.6980.
    L. N. Smith, N. Topin, "Super-convergence", 2018, arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8))
    >>> model = train("rae-l2", images, latent_dim=2, n_epochs=1, batch_size=20, beta=0.1)
    >>> model.card["options"]
    {'beta': 0.1, 'decay': 0.0001}
    """
    recipe = OBJECTIVES[_validation.check_choice(objective, "objective", tuple(OBJECTIVES))]
    images = check_images(images, "images")
    if validation is not None:
        validation = check_images(validation, "validation", images.shape[1:])
    elif patience is not None:
        raise InvalidInputError(f"patience needs validation images to watch: pass validation=; got patience={patience}")
    settings: dict[str, Any] = {
        "objective": objective,
        "options": recipe.resolve(objective, options, inspect.signature(train).parameters),
        "image_shape": list(images.shape[1:]),
        "latent_dim": _validation.check_integer(latent_dim, "latent_dim", minimum=1),
        "width": _validation.check_integer(width, "width", minimum=1),
        "n_epochs": _validation.check_integer(n_epochs, "n_epochs", minimum=1),
        "batch_size": min(_validation.check_integer(batch_size, "batch_size", minimum=1), len(images)),
        "learning_rate": _validation.check_positive(learning_rate, "learning_rate"),
        "patience": None if patience is None else _validation.check_integer(patience, "patience", minimum=1),
        "random_state": _validation.check_integer(random_state, "random_state", minimum=0, maximum=2**63 - 1),
        "device": _validation.check_device(device).type,
        "images": fingerprint(images),
        "validation": None if validation is None else fingerprint(validation),
    }
    data = to_device(images, torch.device(device))
    run = _start(recipe, settings, data, images.mean(dtype=np.float64) / (255.0 if images.dtype == np.uint8 else 1.0))
    if checkpoint is not None and resume and Path(checkpoint).exists():
        checkpoints.read(checkpoint, run, settings)
    held_out = None if validation is None else to_device(validation, data.device)

    while len(run.losses) < settings["n_epochs"] and (patience is None or len(run.losses) < run.best_epoch + patience):
        run.losses.append(_train_epoch(recipe, run, settings, data))
        if held_out is not None:
            run.errors.append(reconstruction_error(run.model, held_out))
            if run.best_epoch == len(run.errors):
                run.best = {name: tensor.detach().clone() for name, tensor in run.model.state_dict().items()}
        if checkpoint is not None:
            checkpoints.write(checkpoint, run, settings)
        if on_epoch is not None:
            on_epoch(len(run.losses), run.losses[-1])
    return _finish(run, settings, data, held_out)


def enough_epochs(n_images: int, batch_size: int = 128) -> int:
    """Return a number of epochs that lets few images be seen often enough: 20, or those of `ENOUGH_STEPS` steps.

    Examples
    --------
    >>> enough_epochs(60_000), enough_epochs(1_198)
    (20, 112)
    """
    n_steps = max(1, n_images // max(1, min(batch_size, n_images)))
    return max(USUAL_EPOCHS, -(-ENOUGH_STEPS // n_steps))


def reconstruction_error(model: ConvAutoencoder, data: Tensor) -> float:
    """Return the mean squared error of a pixel of images (n, C, H, W), decoded from their latents without noise.

    ``data`` is on the model's device, float32 in [0, 1] or uint8 levels. The model is left in the mode it came in.
    """
    with _arrays.evaluating(model):
        total = torch.zeros((), dtype=torch.float64, device=data.device)
        for batch in evaluated(data):
            total += (batch - model(batch)).square().sum(dtype=torch.float64)
    return total.item() / data.numel()


def _start(recipe: Objective, settings: dict[str, Any], data: Tensor, mean: float) -> Run:
    """Return a run before its first step, all of it following from the seed."""
    seed = settings["random_state"]
    generator = torch.Generator(data.device).manual_seed(seed)
    sizes = {name: settings[name] for name in ("image_shape", "latent_dim", "width")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ConvAutoencoder(**sizes, variational=recipe.variational)
        model.start_from_mean(min(max(mean, 0.01), 0.99))
        if recipe.prepare is not None:
            recipe.prepare(model, data, generator, **take(recipe.prepare, settings["options"]))
        partner = None if recipe.partner is None else recipe.partner(model, **take(recipe.partner, settings["options"]))
    model.to(data.device).train()
    parameters = list(model.parameters())
    if partner is not None:
        parameters += list(partner.to(data.device).train().parameters())
    optimizer = torch.optim.Adam(parameters, lr=settings["learning_rate"])
    total = settings["n_epochs"] * (len(data) // settings["batch_size"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings["learning_rate"], total_steps=total)
    return Run(model, partner, optimizer, schedule, generator)


def _train_epoch(recipe: Objective, run: Run, settings: dict[str, Any], data: Tensor) -> float:
    """Take the steps of one epoch; return the mean loss, the only number that is waited for."""
    begin, batch_size = time.perf_counter(), settings["batch_size"]
    loss_of = functools.partial(recipe.loss, **take(recipe.loss, settings["options"]))
    partner = () if run.partner is None else (run.partner,)
    # bfloat16 networks on a GPU that has them; its range is wide enough that no loss needs to be scaled
    mixed = data.device.type == "cuda" and torch.cuda.is_bf16_supported()
    n_pixels, n_steps = data[0].numel(), len(data) // batch_size
    total = torch.zeros((), dtype=torch.float64, device=data.device)
    order = torch.randperm(len(data), generator=run.generator, device=data.device)
    for rows in order[: n_steps * batch_size].reshape(n_steps, batch_size):
        with torch.autocast(data.device.type, dtype=torch.bfloat16, enabled=mixed):
            loss = loss_of(run.model, as_floats(data[rows]), run.generator, *partner)
        run.optimizer.zero_grad(set_to_none=True)
        scaled = loss / n_pixels  # Adam does not mind, and one bound then fits images of any size
        scaled.backward()  # type: ignore[no-untyped-call]
        for module in run.modules.values():
            clip_grad_norm_(module.parameters(), CLIP_NORM)
        run.optimizer.step()
        run.schedule.step()
        total += loss.detach()
    mean_loss = total.item() / n_steps
    if not math.isfinite(mean_loss):
        raise InvalidInputError(
            f"the loss became {mean_loss} in epoch {len(run.losses) + 1}: pass a learning_rate below "
            f"{settings['learning_rate']:g}, or smaller weights in the options {settings['options']}"
        )
    run.n_steps += n_steps
    run.seconds += time.perf_counter() - begin
    return mean_loss


def _finish(run: Run, settings: dict[str, Any], data: Tensor, held_out: Tensor | None) -> ConvAutoencoder:
    """Return the model to use, with its card."""
    model = run.model.eval()
    if run.best is not None:
        model.load_state_dict(run.best)
    for layer in model.modules():
        if parametrize.is_parametrized(layer, "weight"):  # the weights that were effective become plain ones
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    card = {key: value for key, value in settings.items() if key not in ("images", "validation")}
    model.card = card | {
        "n_images": len(data),
        "sha256": settings["images"],
        "validation_sha256": settings["validation"],
        "epochs_trained": len(run.losses),
        "best_epoch": run.best_epoch,
        "final_loss": run.losses[-1],
        "mean_squared_error": reconstruction_error(model, data[:N_MEASURED]),
        "validation_mean_squared_error": min(run.errors) if run.errors else None,
        "seconds_per_epoch": run.seconds / len(run.losses),
        "torch": torch.__version__,
        "vicinal": __version__,
    }
    model.card["warning"] = _collapse(model.card, data[:N_MEASURED], held_out)
    if model.card["warning"]:
        warnings.warn(model.card["warning"], CollapseWarning, stacklevel=3)
    return model


def _collapse(card: dict[str, Any], data: Tensor, held_out: Tensor | None) -> str | None:
    """Return a sentence if the model is hardly better than the mean image, on either set of images."""
    mean = sum(batch.sum(dim=0, dtype=torch.float64) for batch in evaluated(data)) / len(data)
    errors = {"a pixel": (card["mean_squared_error"], data)}
    if held_out is not None:
        errors["a validation pixel"] = (card["validation_mean_squared_error"], held_out)
    for of, (error, images) in errors.items():
        total = sum((batch - mean).square().sum(dtype=torch.float64).item() for batch in evaluated(images))
        of_mean_image = total / images.numel()
        if error > COLLAPSED * of_mean_image > 0.0:
            return (
                f"{card['objective']} reconstructs hardly better than the mean image: the mean squared error of {of} "
                f"is {error:.5f}, that of the mean image {of_mean_image:.5f}; pass a learning_rate below "
                f"{card['learning_rate']:g}, or more than n_epochs={card['n_epochs']}"
            )
    return None
