"""Training objectives: functions of a model and a batch of images, over the same networks.

=============  ============================================================  ==========================================
file           objectives                                                    what shapes the latents
=============  ============================================================  ==========================================
deterministic  ``ae``, ``dae``                                               nothing
deterministic  ``rae-l2``, ``rae-gp``, ``rae-sn``                            a penalty on latents, a smooth decoder
variational    ``vae``, ``beta-vae``, ``sigma-vae``                          each posterior is drawn to the prior
variational    ``vamp``                                                      the same, with a learned prior
mmd            ``info-vae``, ``wae-mmd``                                     all latents together follow the prior
adversarial    ``aae``                                                       the same, judged by a second network
=============  ============================================================  ==========================================

The equations stand at the top of each file. Losses are means over the batch; squared errors are sums over pixels.
"""

from __future__ import annotations

from vicinal.autoencoders.objectives.adversarial import aae, discriminator_of
from vicinal.autoencoders.objectives.base import Objective
from vicinal.autoencoders.objectives.deterministic import ae, dae, normalize_decoder, rae_gp, rae_l2, rae_sn
from vicinal.autoencoders.objectives.mmd import info_vae, wae_mmd
from vicinal.autoencoders.objectives.variational import beta_vae, sigma_vae, start_from_images, vae, vamp

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
