"""`LocalSampler`: neighbourhoods by a principal axis tree (`tree`), moved to fit the latents (`moves`), and sampled."""

from vicinal.samplers.local.local import LocalSampler

__all__ = ["LocalSampler"]
