"""Every autoencoder x every sampler x several seeds, on real images: resumable, with novelty beside quality.

In the order in which a study goes through them:

============  ==========================================================================
`config`      what a study is: a TOML file
`data`        images, and the features that they are compared in
`runner`      the command: what is planned, what is missing
`trial`       everything that a study names, tried on next to nothing
`models`      autoencoders, read or trained
`bench`       one autoencoder: latents, samplers, scores
`results`     the lines that are found, in files that are whole after every step
`summary`     means, standard errors, ranks and verdicts
`page`        tables, sentences and pictures
============  ==========================================================================
"""

from vicinal.benchmark.config import Config
from vicinal.benchmark.runner import run
from vicinal.benchmark.summary import Study

__all__ = ["Config", "Study", "run"]
