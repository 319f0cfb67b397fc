"""Distributions over latents, all under one contract (`vicinal.samplers.base.Sampler`)."""

from vicinal.samplers.base import Sampler
from vicinal.samplers.bootstrap import BootstrapSampler
from vicinal.samplers.copula import CopulaSampler
from vicinal.samplers.flow import FlowSampler
from vicinal.samplers.gaussian import GaussianSampler
from vicinal.samplers.gmm import GMMSampler
from vicinal.samplers.hypersphere import HypersphereSampler
from vicinal.samplers.kde import KDESampler
from vicinal.samplers.local import LocalSampler
from vicinal.samplers.pmf import PMFSampler
from vicinal.samplers.two_stage import TwoStageSampler
from vicinal.samplers.vamp import VampSampler

__all__ = [
    "BootstrapSampler",
    "CopulaSampler",
    "FlowSampler",
    "GMMSampler",
    "GaussianSampler",
    "HypersphereSampler",
    "KDESampler",
    "LocalSampler",
    "PMFSampler",
    "Sampler",
    "TwoStageSampler",
    "VampSampler",
]
