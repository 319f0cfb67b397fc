"""
Privacy: what the membership AUC means
======================================

Do samples give away who was in the training data? An attack measures it. This page shows what its number means, and what it does
not mean.
"""

# %%
# The attacker knows the samples and some candidates. Half of the candidates were trained on. He calls those nearest to a sample
# *members*. The AUC is the chance that he ranks a member before a non-member: 0.5 is guessing, 1 is certainty.

import numpy as np

import vicinal
from vicinal import samplers
from vicinal.metrics import membership_auc, nn_ratio

r = np.random.default_rng(0)
mixing = r.normal(size=(8, 8))
train, held_out = (r.normal(size=(3000, 8)) @ mixing for _ in range(2))

# %%
# Four samplers of the same latents. Copies give all away. Cells and kernels put each sample near one training latent.
# ``LocalSampler`` and one Gaussian describe many latents together.

several = {
    "copies": samplers.BootstrapSampler(random_state=0),
    "PMFSampler()": vicinal.PMFSampler(random_state=0),
    "LocalSampler()": vicinal.LocalSampler(random_state=0),
    "GaussianSampler()": samplers.GaussianSampler(random_state=0),
}
drawn = {name: sampler.fit(train).sample(3000) for name, sampler in several.items()}

# %%
# Both numbers for each. An nn ratio near 1 does not mean that the attack fails.

found = {}
for name, samples in drawn.items():
    found[name] = float(np.ravel(membership_auc(held_out, samples, train=train))[0])
    print(f"{name:18} nn ratio {nn_ratio(held_out, samples, train=train):.2f}   membership AUC {found[name]:.2f}")

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(6, 2.5))
plt.barh(list(found), list(found.values()))
plt.axvline(0.5, color="black", linewidth=1)
plt.xlim(0.4, 1)
plt.xlabel("membership AUC (0.5: guessing)")
plt.tight_layout()

# %%
# **What it means.** An AUC clearly above 0.5 proves a leak: this attack, with samples alone, tells members from others.
#
# **What it does not mean.** An AUC of 0.5 is no proof of privacy.
#
# - It is an average. One person may be exposed while thousands are not. ``membership_tpr`` looks at the surest guesses.
# - It is one attack. Another one, such as one that knows the sampler's file, may see more. The file of a ``LocalSampler`` holds the
#   training latents themselves.
# - It looks at the sampler. The decoder was trained on the same images, and can show them by itself.
# - It is not differential privacy. Nothing here bounds what one person changes.
