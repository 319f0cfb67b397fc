"""Autoencoders: anything with ``encode(images)`` and ``decode(latents)``.

Wrap your own with `Autoencoder`, or train one of ours: ``networks``, ``objectives`` and ``training`` need torch.

============  ====================================================================
`adapter`     what an autoencoder is, and one from another library
`outputs`     what is taken of the objects that models return
`values`      levels, integers and ranges: the numbers that a model is given
`modules`     the torch modules behind a callable
`libraries`   models of diffusers, pythae and scikit-learn as two functions
`doubts`      what is said of outputs that differ from call to call
============  ====================================================================
"""

from vicinal.autoencoders.adapter import Autoencoder

__all__ = ["Autoencoder"]
