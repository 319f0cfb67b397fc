"""How good the samples are, and how new: real first, generated second, in every metric.

=====================  ===========================================================  ==================
quality                distance between Gaussians fitted to features                `frechet_distance`
quality                cost of moving one set of latents onto the other             `wasserstein_distance`
novelty                distance to the training latents, held-out latents being 1   `nn_ratio`
novelty                share of samples that are no near-copies, in percent         `authenticity`
=====================  ===========================================================  ==================

Quality alone rewards copying: always read it beside novelty.
"""

from vicinal.metrics.distances import frechet_distance
from vicinal.metrics.features import ClassifierFeatures, pixel_features
from vicinal.metrics.neighbors import authenticity, nn_ratio
from vicinal.metrics.transport import wasserstein_distance

__all__ = [
    "ClassifierFeatures",
    "authenticity",
    "frechet_distance",
    "nn_ratio",
    "pixel_features",
    "wasserstein_distance",
]
