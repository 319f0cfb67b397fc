"""A sampler's class by its name, however that is written."""

from __future__ import annotations

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


def named(name: str, parameter: str = "sampler") -> type[samplers.Sampler]:
    """Return the class that a name means: ``local``, ``Local`` and ``LocalSampler`` are one.

    Samplers that take more than latents have no name here. Another name raises InvalidInputError, with the one that
    is most like it; ``parameter`` is what the message calls it.

    Examples
    --------
    >>> named("two_stage").__name__
    'TwoStageSampler'
    """
    plain = {short.replace("-", ""): kind for short, kind in NAMES.items()}
    given = name.lower().replace("-", "").replace("_", "").removesuffix("sampler")
    if given not in plain:
        raise InvalidInputError(
            f"{parameter} must be one of {', '.join(NAMES)}; got {name!r}{_validation.did_you_mean(name, NAMES)}"
        )
    kind: type[samplers.Sampler] = getattr(samplers, plain[given])
    return kind
