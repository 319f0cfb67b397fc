"""
Classes and oversampling
========================

A sampler that is fitted with labels draws within a class. It fills up rare classes, too.
"""

# %%
# The digits of scikit-learn are 8 x 8 pixels. Here the pixels are the data. Of the digit 8 we keep 20 images only.

import numpy as np
from sklearn.datasets import load_digits

import vicinal

pixels, digits = load_digits(return_X_y=True)
pixels = pixels / 16.0
rare = np.flatnonzero(digits == 8)
kept = np.setdiff1d(np.arange(len(digits)), rare[20:])
images, labels = pixels[kept], digits[kept]

# %%
# ``sample(n, y=...)`` takes the class of each sample. Here are ten samples of every class. Each row is a class.

import matplotlib.pyplot as plt

sampler = vicinal.LocalSampler(16, scale=1.0, random_state=0).fit(images, labels)
drawn = sampler.sample(100, y=np.repeat(np.arange(10), 10)).reshape(10, 10, 8, 8)
plt.figure(figsize=(5, 5))
plt.imshow(drawn.transpose(0, 2, 1, 3).reshape(80, 80), cmap="gray", vmin=0, vmax=1)
plt.axis("off")

# %%
# ``VicinalOverSampler`` draws what the rare class lacks. It stands where SMOTE of imbalanced-learn stands. The training rows stay,
# and the new rows come after them.

from vicinal.integrations.imblearn import VicinalOverSampler

more, their_labels = VicinalOverSampler(random_state=0).fit_resample(images, labels)
print("digits 8 before:", (labels == 8).sum(), "after:", (their_labels == 8).sum())

# %%
# Does it help? Train a classifier with and without, and ask it for the digits 8 that we put aside. This is one split of one small
# data set: measure it on your own data.

from sklearn.linear_model import LogisticRegression

held_out = pixels[rare[20:]]
for name, x, y in [("as it is", images, labels), ("with new 8s", more, their_labels)]:
    found = LogisticRegression(max_iter=2000).fit(x, y).predict(held_out)
    print(f"{name}: {(found == 8).mean():.1%} of {len(held_out)} digits 8 recognised")
