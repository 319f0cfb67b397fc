"""
A cluster
=========

Dask moves the work to the latents. Here the cluster is one process with two workers. With the address of a real scheduler, nothing
else changes.
"""

# %%
# ``Client("tcp://...")`` would take a cluster. ``processes=False`` keeps the workers in this process, so that this page can run.

import numpy as np
from dask import array
from distributed import Client

import vicinal
from vicinal.integrations import dask as on_dask

client = Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)

# %%
# Latents in chunks. They would come from files: ``array.from_zarr("latents.zarr")``.

rows = np.random.default_rng(0).normal(size=(40_000, 4)).astype(np.float32)
latents = array.from_array(rows, chunks=(5_000, 4))
sampler = on_dask.fit(vicinal.PMFSampler(12, random_state=0), latents)

# %%
# The result is that of a fit in memory, to the bit, whatever the chunks and the workers.

alone = vicinal.PMFSampler(12, random_state=0).fit(rows)
print("the same cells:", np.array_equal(sampler.cells_, alone.cells_))
print("the same counts:", np.array_equal(sampler.counts_, alone.counts_))

# %%
# Samples are a dask array. Nothing is drawn until it is asked for. The workers draw their chunks.

new = on_dask.sample(sampler, 100_000)
print(new.shape, "first rows as drawn alone:", np.array_equal(new[:10].compute(), alone.sample(10)))

# %%
# Work on samples stays on the workers. Here it is a histogram of one dimension.

import matplotlib.pyplot as plt

counts, edges = array.histogram(new[:, 0], bins=40, range=(-4, 4))
plt.figure(figsize=(6, 3))
plt.stairs(counts.compute(), edges, fill=True)
plt.xlabel("first dimension of the samples")

# %%
client.close()
