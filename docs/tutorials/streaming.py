"""
Streaming and merging
=====================

Latents come in batches, or lie on several machines. ``PMFSampler`` takes them in any order, and the result is the same to the bit.
"""

# %%
# Bounds must be known before the first batch. Then every batch is counted into the same cells.

import numpy as np

import vicinal

latents = np.random.default_rng(0).normal(size=(30_000, 4)).astype(np.float32)
bounds = (-5.0, 5.0)
whole = vicinal.PMFSampler(16, bounds=bounds, random_state=0).fit(latents)

stream = vicinal.PMFSampler(16, bounds=bounds, random_state=0)
for batch in np.array_split(latents, 7):
    stream.partial_fit(batch)
print("batches give the same samples:", np.array_equal(stream.sample(1000), whole.sample(1000)))

# %%
# Two machines fit their part. Their samplers are merged. Only tables of counts travel, never latents.

first = vicinal.PMFSampler(16, bounds=bounds, random_state=0).fit(latents[:20_000])
second = vicinal.PMFSampler(16, bounds=bounds, random_state=0).fit(latents[20_000:])
print("parts give the same samples:", np.array_equal(first.merge(second).sample(1000), whole.sample(1000)))

# %%
# Samples are a stream, too. Row i depends on the seed and on i alone. So two workers can draw the two halves.

halves = [whole.sample(500), whole.sample(500, start=500)]
print("halves join:", np.array_equal(np.concatenate(halves), whole.sample(1000)))

# %%
# How the table grows: the share of cells that are new falls with every batch.

import matplotlib.pyplot as plt

grown, cells = vicinal.PMFSampler(16, bounds=bounds, random_state=0), []
for batch in np.array_split(latents, 30):
    cells.append(len(grown.partial_fit(batch).cells_))
plt.figure(figsize=(6, 3))
plt.plot(np.arange(1, 31) * 1000, cells)
plt.xlabel("latents seen")
plt.ylabel("occupied cells")
