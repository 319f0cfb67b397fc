r"""A second variational autoencoder, of the latents of the first.

.. math:: u \sim N(0, I), \quad x = g(u) + \gamma e, \quad e \sim N(0, I), \quad z_j = \mu_j + s_j x_j

with mu and s the mean and standard deviation of each dimension. u has as many dimensions as x. The decoder g, the
encoder, which gives the Gaussian q(u | x), and the number gamma are learned together: the loss of a latent is

.. math:: \frac{\lVert x - g(u) \rVert^2}{2 \gamma^2} + d \log \gamma + \frac{d}{2} \log 2 \pi
    + KL(q(u | x) \,\|\, N(0, I)), \quad u \sim q(u | x)
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from vicinal._errors import import_extra
from vicinal.samplers.torch_fit import TorchSampler


class TwoStageSampler(TorchSampler):
    """Draw from a small, fully connected variational autoencoder that was trained on the latents.

    The first autoencoder finds the manifold of the data, the second the distribution on it. Its density is an
    integral without closed form, so there is none here. It cannot draw within classes: `fit` refuses labels.

    Parameters
    ----------
    hidden_units : tuple of int
        Widths of the hidden layers of encoder and decoder.
    n_epochs : "auto" or int
        Passes over the training latents at the most. ``"auto"`` makes about 2,000 steps, in at most 100 passes.
    batch_size : int
        Latents in a step at the most; fewer where an epoch would have less than 10 steps.
    learning_rate : float
        Peak of the one-cycle schedule, above 0.
    validation_fraction : float
        Share of the latents held out, in (0, 1). The weights of the epoch with the lowest loss on them are kept.
    patience : int
        Stop after so many epochs without a better one.
    random_state : int, None or numpy generator
        Seed of `fit` and of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    mean_, scale_ : ndarray of float64, shape (d,)
        Mean and standard deviation of each dimension, mu and s; s is 0 for a constant one, which is returned as it is.
    architecture_ : ndarray of int64
        ``hidden_units`` of the fit.
    weights_ : ndarray of float32
        What the networks hold, in one row.
    n_epochs_ : int
        Epochs done.
    validation_score_ : float
        Mean lower bound of the log density of the latents held out, in nats.

    See Also
    --------
    FlowSampler : a network with a density.

    References
    ----------
    B. Dai, D. Wipf, "Diagnosing and enhancing VAE models", 2019, arXiv:1903.05789.
    L. N. Smith, N. Topin, "Super-convergence", 2018, arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.random.default_rng(0).normal([3.0, -3.0], [1.0, 0.1], size=(300, 2))
    >>> sampler = TwoStageSampler(n_epochs=2, hidden_units=(8,), random_state=0).fit(latents)
    >>> sampler.sample(4).shape, hasattr(sampler, "score_samples")
    ((4, 2), False)
    """

    _first_width = 0
    _extra = "torch"
    _auto_steps = 2000
    _noise_width = 2

    def _architecture(self) -> list[int]:
        return self._check_hidden_units()

    def _network(self, d: int, architecture: list[int]) -> Any:
        torch = import_extra("torch", self._extra)
        nn = torch.nn
        network = nn.ModuleDict()
        for name, n_outputs in (("encoder", 2 * d), ("decoder", d)):
            sizes = itertools.pairwise([d, *architecture])
            layers = [layer for pair in sizes for layer in (nn.Linear(*pair), nn.SiLU())]
            network[name] = nn.Sequential(*layers)
            network[f"{name}_output"] = nn.Linear(d + architecture[-1], n_outputs)
        network.register_parameter("log_gamma", nn.Parameter(torch.zeros(())))
        return network

    def _losses(self, network: Any, rows: Any, generator: Any) -> Any:
        torch = import_extra("torch", self._extra)
        d = rows.shape[1]
        mean, log_variance = _apply(torch, network, "encoder", rows).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        decoded = _apply(torch, network, "decoder", mean + (0.5 * log_variance).exp() * noise)
        squares = (rows - decoded).square().sum(dim=1)
        log_gamma = network.log_gamma
        log_likelihood = -0.5 * squares * (-2.0 * log_gamma).exp() - d * (log_gamma + 0.5 * math.log(2.0 * math.pi))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1)
        return divergence - log_likelihood

    def _from_noise(self, torch: Any, network: Any, noise: Any) -> Any:
        u, e = noise.chunk(2, dim=1)
        return _apply(torch, network, "decoder", u) + network.log_gamma.exp() * e


def _apply(torch: Any, network: Any, name: str, rows: Any) -> Any:
    """Return the output of encoder or decoder: a linear function of its input and of its last hidden layer."""
    return network[f"{name}_output"](torch.cat([rows, network[name](rows)], dim=1))
