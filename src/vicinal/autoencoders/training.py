"""One readable loop that trains any objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from vicinal import _validation
from vicinal._errors import InvalidInputError
from vicinal.autoencoders.networks import ConvAutoencoder
from vicinal.autoencoders.objectives import OBJECTIVES, squared_error

Array = np.ndarray[Any, Any]


def train(
    objective: str,
    images: Array,
    *,
    latent_dim: int,
    width: int = 16,
    n_epochs: int = 20,
    batch_size: int = 128,
    learning_rate: float = 5e-3,
    random_state: int = 0,
    on_epoch: Callable[[int, float], None] | None = None,
) -> ConvAutoencoder:
    """Train a convolutional autoencoder with Adam and a one-cycle learning rate.

    Parameters
    ----------
    objective : str
        ``"ae"`` or ``"vae"``, see `vicinal.autoencoders.objectives`.
    images : array of shape (n, C, H, W)
        Values in [0, 1].
    latent_dim, width : int
        Sizes of the networks, see `ConvAutoencoder`.
    n_epochs, batch_size : int
        Passes over the images, and images in a step; a last smaller batch is left out of its epoch.
    learning_rate : float
        Peak of the one-cycle schedule.
    random_state : int
        Seed of weights, order and noise.
    on_epoch : callable, optional
        Called with the epoch, from 1, and its mean loss.

    Returns
    -------
    ConvAutoencoder
        In evaluation mode; ``card`` says how it was trained.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For images or settings that cannot be used.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, arXiv:1412.6980.
    L. N. Smith, N. Topin, "Super-convergence", 2018, arXiv:1708.07120.
    """
    loss_of, variational = OBJECTIVES[_validation.check_choice(objective, "objective", tuple(OBJECTIVES))]
    images = _validation.check_rows(images, "images")
    if images.ndim != 4:
        raise InvalidInputError(f"images must have shape (n, C, H, W); got {images.shape}")
    n_epochs = _validation.check_integer(n_epochs, "n_epochs", minimum=1)
    batch_size = min(_validation.check_integer(batch_size, "batch_size", minimum=1), len(images))
    seed = _validation.check_integer(random_state, "random_state", minimum=0, maximum=2**63 - 1)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ConvAutoencoder(images.shape[1:], latent_dim, width=width, variational=variational)
    model.start_from_mean(float(np.clip(images.mean(dtype=np.float64), 0.01, 0.99)))
    generator = torch.Generator().manual_seed(seed)
    data = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    steps = len(data) // batch_size
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=n_epochs * steps)

    mean_loss = 0.0
    for epoch in range(1, n_epochs + 1):
        total = 0.0
        order = torch.randperm(len(data), generator=generator)
        for rows in order[: steps * batch_size].reshape(steps, batch_size):
            loss = loss_of(model, data[rows], generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        mean_loss = total / steps
        if on_epoch is not None:
            on_epoch(epoch, mean_loss)

    model.eval()
    model.card = {
        "objective": objective,
        "n_images": len(data),
        "n_epochs": n_epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "random_state": seed,
        "final_loss": mean_loss,
        "mean_squared_error": _mean_squared_error(model, data[:1000]),
        "torch": torch.__version__,
    }
    return model


def _mean_squared_error(model: ConvAutoencoder, images: torch.Tensor) -> float:
    """Return the squared error of a pixel, averaged over images (n, C, H, W)."""
    with torch.inference_mode():
        return squared_error(images, model(images)).item() / images[0].numel()
