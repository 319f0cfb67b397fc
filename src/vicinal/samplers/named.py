"""A sampler's class by its name, however that is written."""

from __future__ import annotations

from typing import Any

from vicinal import _validation, samplers
from vicinal._errors import InvalidInputError

NAMES = {  # short names, in the order in which to try them
    "local": "LocalSampler",
    "pmf": "PMFSampler",
    "gmm": "GMMSampler",
    "kde": "KDESampler",
    "copula": "CopulaSampler",
    "gaussian": "GaussianSampler",
    "hypersphere": "HypersphereSampler",
    "flow": "FlowSampler",
    "two-stage": "TwoStageSampler",
    "bootstrap": "BootstrapSampler",
}
OF_MODELS = {"vamp": "VampSampler"}  # which take an autoencoder beside latents


def named(name: Any, parameter: str = "sampler", *, of_models: bool = False) -> type[samplers.Sampler]:
    """Return the class that a name means: ``local``, ``Local`` and ``LocalSampler`` are one.

    Samplers that take an autoencoder have a name if ``of_models``. Another name raises InvalidInputError, with the one
    that is most like it; ``parameter`` is what the message calls it.

    Examples
    --------
    >>> named("two_stage").__name__
    'TwoStageSampler'
    """
    names = NAMES | (OF_MODELS if of_models else {})
    plain = {short.replace("-", ""): kind for short, kind in names.items()}
    given = str(name).lower().replace("-", "").replace("_", "").removesuffix("sampler")
    if given not in plain:
        raise InvalidInputError(
            f"{parameter} must be one of {', '.join(names)}; got {name!r}{_validation.did_you_mean(name, names)}"
        )
    kind: type[samplers.Sampler] = getattr(samplers, plain[given])
    return kind
