"""Studies: every autoencoder with every sampler and several seeds, on real images; resumable, novelty beside quality.

The modules, in the order in which data go through them:

============  =============================================================================================
`config`      what a study is: a TOML file; a list of values makes one sampler for each
`inputs`      images, the features that they are compared in, and autoencoders, read or trained
`runner`      the command: what is planned, what is missing
`bench`       one autoencoder: encode, fit, sample, decode, score
`results`     what was measured, in files that are whole after every step
`summary`     means, standard errors, ranks and verdicts
`explored`    what the report lets a reader explore
`tables`      tables over all autoencoders
`sentences`   what the numbers bear out, in words
`page`        all that as files: HTML, Markdown, JSON
`demo`        the study that `vicinal demo` runs
============  =============================================================================================
"""

from vicinal._errors import import_extra

import_extra("torch", "torch")

from vicinal.benchmark.config import Config  # noqa: E402
from vicinal.benchmark.demo import run_demo  # noqa: E402
from vicinal.benchmark.runner import run  # noqa: E402
from vicinal.benchmark.summary import Study  # noqa: E402

__all__ = ["Config", "Study", "run", "run_demo"]
