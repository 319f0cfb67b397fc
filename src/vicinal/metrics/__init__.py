"""How good the samples are, and how new: real first, generated second, in every metric.

========  ===================================================================  =================================
quality   distance between Gaussians fitted to features                        `frechet_distance`, `Moments`
quality   the same of infinitely many rows, for sets of different sizes        `frechet_distance_infinity`
quality   distance between features by a polynomial kernel                     `kernel_distance`
quality   shares within balls around nearest neighbours                        `precision_recall`
quality   the same, which outliers cannot spoil                                `density_coverage`
latents   cost of moving one set onto the other                                `wasserstein_distance`
latents   the same along random lines                                          `sliced_wasserstein_distance`
latents   the same, blurred by entropy                                         `sinkhorn_divergence`
latents   distance by a Gaussian kernel                                        `mmd`
latents   how well a small network tells the two sets apart                    `c2st_auc`
latents   total variance, that of real data being 1                            `variance_ratio`
novelty   distance to the training data, that of held-out data being 1         `nn_ratio`, `nn_quantile_ratios`
novelty   share of samples as near as the nearest 1 % of held-out data         `copied`
novelty   test of whether too many samples are near the training data          `novelty_test`
novelty   whether samples give training rows away                              `membership_auc`, `membership_tpr`
novelty   share of samples that are no near-copies, in percent                 `authenticity`
novelty   test of whether samples are nearer to the training data than fresh   `data_copying_test`
novelty   the nn ratio as a score for scikit-learn's model selection           `novelty_scorer`
both      Frechet distance with a penalty for samples near training data       `mifid`
variety   effective number of different rows                                   `vendi_score`
use       accuracy of a classifier trained on labelled samples                 `train_on_synthetic_accuracy`
========  ===================================================================  =================================

Quality alone rewards copying: always read it beside novelty. Features to measure between are in
`vicinal.metrics.features`. The metrics by name, as `vicinal.evaluate` takes them, are in `vicinal.evaluation.METRICS`.
"""

from vicinal.metrics.classifiers import c2st_auc, train_on_synthetic_accuracy
from vicinal.metrics.data_copying import data_copying_test
from vicinal.metrics.discrepancy import kernel_distance, mmd
from vicinal.metrics.distances import frechet_distance, frechet_distance_infinity, variance_ratio
from vicinal.metrics.diversity import vendi_score
from vicinal.metrics.features import (
    CachedFeatures,
    ClassifierFeatures,
    CLIPFeatures,
    DINOv2Features,
    EfficientNetFeatures,
    FunctionFeatures,
    InceptionFeatures,
    ModuleFeatures,
    PixelFeatures,
)
from vicinal.metrics.membership import membership_auc, membership_tpr
from vicinal.metrics.memorization import mifid
from vicinal.metrics.moments import Moments
from vicinal.metrics.neighborhoods import density_coverage, precision_recall
from vicinal.metrics.novelty import authenticity, copied, nn_quantile_ratios, nn_ratio, novelty_test
from vicinal.metrics.ranks import Estimate
from vicinal.metrics.scorers import novelty_scorer
from vicinal.metrics.transport import sinkhorn_divergence, sliced_wasserstein_distance, wasserstein_distance

__all__ = [
    "CLIPFeatures",
    "CachedFeatures",
    "ClassifierFeatures",
    "DINOv2Features",
    "EfficientNetFeatures",
    "Estimate",
    "FunctionFeatures",
    "InceptionFeatures",
    "ModuleFeatures",
    "Moments",
    "PixelFeatures",
    "authenticity",
    "c2st_auc",
    "copied",
    "data_copying_test",
    "density_coverage",
    "frechet_distance",
    "frechet_distance_infinity",
    "kernel_distance",
    "membership_auc",
    "membership_tpr",
    "mifid",
    "mmd",
    "nn_quantile_ratios",
    "nn_ratio",
    "novelty_scorer",
    "novelty_test",
    "precision_recall",
    "sinkhorn_divergence",
    "sliced_wasserstein_distance",
    "train_on_synthetic_accuracy",
    "variance_ratio",
    "vendi_score",
    "wasserstein_distance",
]
