"""The class of objectives, and the terms that several objectives share."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from vicinal import _validation
from vicinal._errors import InvalidInputError, InvalidTypeError


@dataclass(frozen=True)
class Objective:
    """A loss, the kind of network it needs, and what it trains beside the networks.

    Parameters
    ----------
    loss : callable
        ``loss(model, images, generator, **options)`` gives the mean over images (n, C, H, W) in [0, 1];
        ``loss(model, images, generator, partner, **options)`` where there is a partner. The options are its
        keyword-only arguments.
    variational : bool
        Whether the encoder must give a posterior.
    prepare : callable, optional
        ``prepare(model, images, generator, **options)`` changes a new model before its training; its keyword-only
        arguments are options, too. Images are (n, C, H, W), floats or uint8 levels.
    partner : callable, optional
        ``partner(model, **options)`` builds a module that is trained beside the model, and dropped after the training.

    Notes
    -----
    Everything that generation needs belongs to the model, such as its pseudo-inputs. A file holds the model only.
    """

    loss: Callable[..., Tensor]
    variational: bool = False
    prepare: Callable[..., None] | None = None
    partner: Callable[..., nn.Module] | None = None

    def defaults(self) -> dict[str, int | float]:
        """Return the options and their defaults."""
        functions = (self.loss, self.prepare, self.partner)
        return {name: value for function in functions for name, value in _options(function).items()}

    def resolve(self, name: str, given: Mapping[str, Any]) -> dict[str, int | float]:
        """Return all options of the objective called ``name``, those given in place of their defaults.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For an unknown option, and for one that is no finite number from 0 on (a positive integer where the
            default is an integer).
        """
        options = self.defaults()
        for key, value in given.items():
            if key not in options:
                known = f"its options are {', '.join(options)}" if options else "it has none"
                raise InvalidInputError(f"{name} has no option {key!r}; {known}")
            if isinstance(options[key], int):
                options[key] = _validation.check_integer(value, key, minimum=1)
            else:
                options[key] = _check_number(value, key)
        return options


def take(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``options`` that a function takes."""
    return {name: options[name] for name in _options(function)}


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Return the squared error summed over pixels, averaged over images (n, C, H, W)."""
    return (images - reconstructions).square().flatten(1).sum(dim=1).mean()


def gaussian_loss(images: Tensor, reconstructions: Tensor, decoder_std: float) -> Tensor:
    """Return -log N(x; x_hat, decoder_std^2 I) in nats, without its constant, averaged over images (n, C, H, W)."""
    return squared_error(images, reconstructions) / (2.0 * _validation.check_positive(decoder_std, "decoder_std") ** 2)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, I)) in nats, averaged over rows (n, latent_dim)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()


def _options(function: Callable[..., Any] | None) -> dict[str, int | float]:
    if function is None:
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _check_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidTypeError(f"{name} must be a number from 0 on; got {value!r} of type {type(value).__name__}")
    if not 0.0 <= float(value) < math.inf:
        raise InvalidInputError(f"{name} must be a finite number from 0 on; got {value}")
    return float(value)
