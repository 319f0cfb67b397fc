"""Autoencoders: wrap your own with `Autoencoder`, or train one of ours.

``networks``, ``objectives`` and ``training`` need torch; `Autoencoder` does not.
"""

from vicinal.autoencoders.base import Autoencoder

__all__ = ["Autoencoder"]
