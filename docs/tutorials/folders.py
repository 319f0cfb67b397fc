"""
Images from folders
===================

Images are files in folders. Encode them straight from there, and write new images as files.
"""

# %%
# A folder of your own stands here. To have one, we write digits as PNG files, one folder for each class.

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

digits = load_digits()
folder = Path(tempfile.mkdtemp())
for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
    place = folder / str(label)
    place.mkdir(exist_ok=True)
    Image.fromarray(np.uint8(image * 255 / 16)).save(place / f"{i}.png")

# %%
# An autoencoder. PCA is the shortest one. Yours goes here.

from sklearn.decomposition import PCA

import vicinal

pca = PCA(16).fit(digits.data / 16)
autoencoder = vicinal.Autoencoder.from_sklearn(pca, image_shape=(1, 8, 8))

# %%
# ``encode`` takes the folder, or a zip or tar archive. With ``return_labels=True``, the names of the folders are the labels.

latents, labels = vicinal.encode(autoencoder, folder, return_labels=True)
print(latents.shape, sorted(map(str, set(labels))))

# %%
# Fit, draw the digit 3, decode.

import matplotlib.pyplot as plt

sampler = vicinal.LocalSampler(16, scale=1.0, random_state=0).fit(latents, labels)
kind = sorted(set(labels))[3]
threes = vicinal.decode(autoencoder, sampler.sample(10, y=kind))
plt.figure(figsize=(8, 1))
plt.imshow(np.hstack(list(np.clip(threes[:, 0], 0, 1))), cmap="gray")
plt.axis("off")

# %%
# Write them as files. On the command line, ``vicinal decode MODEL latents.npy -o images/`` does the same.

for i, image in enumerate(np.clip(threes[:, 0], 0, 1)):
    Image.fromarray(np.uint8(image * 255)).save(folder / f"new-{i}.png")
print(len(list(folder.glob("new-*.png"))), "files")
