"""Turn any trained autoencoder into a generator, and see whether its samples are new.

The modules, in the order in which data flows through them:

=============  =====================================================================
datasets       real images to train and measure on
autoencoders   networks, objectives and training; wrap your own with `Autoencoder`
streams        rows read in batches from anything that holds them, and written as they come
pipeline       encode images, decode latents, generate: read this first
samplers       distributions fitted to latents: `LocalSampler`, `PMFSampler` and their rivals
metrics        quality and novelty of samples
evaluation     one table that shows both
plot           images side by side, and maps of latents
report         that table, with images and an explorer, as one HTML file
explore        a model and its samplers, live in the browser
cli            the command line
=============  =====================================================================

``import vicinal`` itself is light: names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from vicinal._version import __version__

if TYPE_CHECKING:
    from vicinal.autoencoders import Autoencoder as Autoencoder
    from vicinal.evaluation.evaluate import evaluate as evaluate
    from vicinal.pipeline import decode as decode
    from vicinal.pipeline import encode as encode
    from vicinal.pipeline import generate as generate
    from vicinal.pipeline import load as load
    from vicinal.samplers.local import LocalSampler as LocalSampler
    from vicinal.samplers.pmf import PMFSampler as PMFSampler
    from vicinal.samplers.through import sample_through as sample_through

_HOME = {
    "Autoencoder": "vicinal.autoencoders",
    "LocalSampler": "vicinal.samplers.local",
    "PMFSampler": "vicinal.samplers.pmf",
    "decode": "vicinal.pipeline",
    "encode": "vicinal.pipeline",
    "evaluate": "vicinal.evaluation.evaluate",
    "generate": "vicinal.pipeline",
    "load": "vicinal.pipeline",
    "sample_through": "vicinal.samplers.through",
}
_MODULES = ("autoencoders", "datasets", "evaluation", "metrics", "pipeline", "plot", "samplers")

__all__ = [
    "Autoencoder",
    "LocalSampler",
    "PMFSampler",
    "__version__",
    "decode",
    "encode",
    "evaluate",
    "generate",
    "load",
    "sample_through",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"vicinal.{name}")
    raise AttributeError(f"module 'vicinal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
