"""Past one machine: vicinal on Dask, whose collections hold latents and images that no machine has whole.

==========  =====================================================================================
`fit`       a sampler for latents in a dask array, a bag, delayed parts or a dask DataFrame
`sample`    a dask array of new latents, drawn on the workers
`shards`    a `LocalSampler` whose training latents stay on the workers, or in a folder
`files`     files of latents as parts that the workers read
`images`    `encode`, `decode` and `generate`: dask arrays of images and latents, through an autoencoder
`evaluate`  the table of quality and novelty of rows that stay on the workers
==========  =====================================================================================

Workers need vicinal and what it is used with. A function here works with the current ``distributed.Client``, or without
one with the threads of this machine.
"""

from vicinal._errors import import_extra

import_extra("dask.array", "dask")

from vicinal.integrations.dask.evaluate import evaluate  # noqa: E402
from vicinal.integrations.dask.files import open_files  # noqa: E402
from vicinal.integrations.dask.fit import fit  # noqa: E402
from vicinal.integrations.dask.images import decode, encode, generate  # noqa: E402
from vicinal.integrations.dask.sample import sample  # noqa: E402
from vicinal.integrations.dask.shards import Shards, fit_shards, open_shards  # noqa: E402

__all__ = [
    "Shards",
    "decode",
    "encode",
    "evaluate",
    "fit",
    "fit_shards",
    "generate",
    "open_files",
    "open_shards",
    "sample",
]
