"""
Embeddings that are no images
=============================

Latents are rows of numbers. Where they come from does not matter: sentences, molecules, cells, users.
"""

# %%
# Measurements of 569 cell nuclei stand for your data: 30 columns in different units. A pipeline brings them to 8 dimensions, and
# ends in a sampler.

from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import vicinal

rows = load_breast_cancer().data
train, held_out = rows[::2], rows[1::2]
pipeline = make_pipeline(StandardScaler(), PCA(8), vicinal.LocalSampler(random_state=0)).fit(train)

# %%
# ``sample_through`` draws from the sampler and undoes the steps before it. So samples have 30 columns again.

new = vicinal.sample_through(pipeline, len(held_out))
print(new.shape)

# %%
# Are they good, and are they new? Distances need columns in comparable units, so compare what the scaler gives. Rows of the table
# are sources. The nn ratio of samples should be near 1.

scale = pipeline[0].transform
print(vicinal.evaluate(scale(held_out), scale(new), train=scale(train)))

# %%
# A picture: two columns of the data, and the same of samples.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(8, 3.5), sharex=True, sharey=True)
for ax, name, points in zip(axes, ["held-out rows", "samples"], [held_out, new], strict=True):
    ax.scatter(points[:, 0], points[:, 1], s=6)
    ax.set(title=name, xlabel="mean radius", ylabel="mean texture")

# %%
# The same calls take embeddings of any model. Two things to remember: rows that repeat others are counted as copies, and whole
# numbers come back as whole numbers.
