"""Training objectives: functions of a model and a batch of images, over the same networks.

=============  ===================================  ======================================
file           objectives                           what shapes the latents
=============  ===================================  ======================================
deterministic  ``ae``, ``dae``                      nothing
deterministic  ``rae-l2``, ``rae-gp``, ``rae-sn``   a penalty on latents, a smooth decoder
variational    ``vae``, ``beta-vae``, ``sigma-vae`` each posterior is drawn to the prior
variational    ``vamp``                             the same, with a learned prior
matching       ``info-vae``, ``wae-mmd``            all latents together follow the prior
matching       ``aae``                              the same, judged by a second network
=============  ===================================  ======================================

The equations stand at the top of each file. Every objective takes the model, images of shape (n, C, H, W) in [0, 1]
and the generator of its noise, then its options by keyword. It returns the loss as a tensor without dimensions, the
mean over the batch; squared errors are sums over pixels.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from vicinal import _validation
from vicinal._errors import InvalidInputError
from vicinal.autoencoders.objectives.deterministic import ae, dae, normalize_decoder, rae_gp, rae_l2, rae_sn
from vicinal.autoencoders.objectives.matching import aae, discriminator_of, info_vae, wae_mmd
from vicinal.autoencoders.objectives.variational import beta_vae, sigma_vae, start_from_images, vae, vamp


@dataclass(frozen=True)
class Objective:
    """A loss, the kind of network it needs, and what it trains beside the networks.

    Parameters
    ----------
    loss : callable
        ``loss(model, images, generator, **options)``, with the partner after the generator where there is one. The
        options are its keyword-only arguments.
    variational : bool
        Whether the encoder must give a posterior.
    prepare : callable, optional
        ``prepare(model, images, generator, **options)`` changes a new model before its training. Its keyword-only
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
        return {name: value for f in functions if f is not None for name, value in _defaults(f).items()}

    def resolve(self, name: str, given: Mapping[str, Any], also: Iterable[str] = ()) -> dict[str, int | float]:
        """Return all options of the objective called ``name``, those given in place of their defaults.

        ``also`` are names of other settings, which an unknown option may have been meant to be. An option is a finite
        number from 0 on, and a positive integer where its default is an integer. Another value or name raises
        InvalidInputError or InvalidTypeError.
        """
        options = self.defaults()
        for key, value in given.items():
            if key not in options:
                known = f"its options are {', '.join(options)}" if options else "it has none"
                meant = _validation.did_you_mean(key, [*options, *also])
                raise InvalidInputError(f"{name} has no option {key!r}; {known}{meant}")
            if isinstance(options[key], int):
                options[key] = _validation.check_integer(value, key, minimum=1)
            else:
                options[key] = _validation.check_positive(value, key, or_zero=True)
        return options


OBJECTIVES = {
    "ae": Objective(ae),
    "dae": Objective(dae),
    "vae": Objective(vae, variational=True),
    "beta-vae": Objective(beta_vae, variational=True),
    "sigma-vae": Objective(sigma_vae, variational=True),
    "vamp": Objective(vamp, variational=True, prepare=start_from_images),
    "info-vae": Objective(info_vae, variational=True),
    "wae-mmd": Objective(wae_mmd),
    "aae": Objective(aae, partner=discriminator_of),
    "rae-l2": Objective(rae_l2),
    "rae-gp": Objective(rae_gp),
    "rae-sn": Objective(rae_sn, prepare=normalize_decoder),
}


def take(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``options`` that a function takes."""
    return {name: options[name] for name in _defaults(function)}


def _defaults(function: Callable[..., Any]) -> dict[str, int | float]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
