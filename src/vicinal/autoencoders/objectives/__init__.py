"""Training objectives: functions of a model and a batch of images, over the same networks.

=============  ============================================================  ==========================================
file           objectives                                                    what brings latents into shape
=============  ============================================================  ==========================================
plain          ``ae``, ``dae``                                               nothing
variational    ``vae``, ``beta-vae``, ``sigma-vae``                          each posterior near the prior
vamp           ``vamp``                                                      the same, with a learned prior
mmd            ``info-vae``, ``wae-mmd``                                     all latents together near the prior
adversarial    ``aae``                                                       the same, told by a second network
regularized    ``rae-l2``, ``rae-gp``, ``rae-sn``                            small latents and a smooth decoder
=============  ============================================================  ==========================================

The equations stand at the top of each file. Losses are means over the batch; squared errors are sums over pixels.
"""

from __future__ import annotations

from vicinal.autoencoders.objectives.adversarial import aae, discriminator_of
from vicinal.autoencoders.objectives.base import Objective
from vicinal.autoencoders.objectives.mmd import info_vae, wae_mmd
from vicinal.autoencoders.objectives.plain import ae, dae
from vicinal.autoencoders.objectives.regularized import normalize_decoder, rae_gp, rae_l2, rae_sn
from vicinal.autoencoders.objectives.vamp import start_from_images, vamp
from vicinal.autoencoders.objectives.variational import beta_vae, sigma_vae, vae

OBJECTIVES = {
    "ae": Objective(ae),
    "dae": Objective(dae),
    "vae": Objective(vae, variational=True),
    "beta-vae": Objective(beta_vae, variational=True),
    "sigma-vae": Objective(sigma_vae, variational=True),
    "vamp": Objective(vamp, variational=True, prepare=start_from_images),
    "info-vae": Objective(info_vae, variational=True),
    "wae-mmd": Objective(wae_mmd),
    "aae": Objective(aae, partner=discriminator_of),
    "rae-l2": Objective(rae_l2),
    "rae-gp": Objective(rae_gp),
    "rae-sn": Objective(rae_sn, prepare=normalize_decoder),
}

__all__ = [
    "OBJECTIVES",
    "Objective",
    "aae",
    "ae",
    "beta_vae",
    "dae",
    "info_vae",
    "rae_gp",
    "rae_l2",
    "rae_sn",
    "sigma_vae",
    "vae",
    "vamp",
    "wae_mmd",
]
