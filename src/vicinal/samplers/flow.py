r"""A normalizing flow: an invertible network between latents and Gaussian noise.

.. math:: z = \mu + s f^{-1}(e), \quad e \sim N(0, I), \qquad
    \log p(z) = \log N(f(x); 0, I) + \log \left| \det \frac{\partial f}{\partial x} \right| - \sum_j \log s_j,
    \quad x = \frac{z - \mu}{s}

with mu and s the mean and standard deviation of each dimension. f is a chain of autoregressive transformations: each
dimension is changed by an increasing function whose shape follows from the dimensions before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import import_extra
from vicinal.samplers.torch_fit import TorchSampler, in_chunks


class FlowSampler(TorchSampler):
    """Draw noise and invert a network of zuko that was trained by maximum likelihood.

    It cannot draw within classes: `fit` refuses labels.

    Parameters
    ----------
    kind : {"spline", "maf"}
        The increasing functions: ``"spline"`` rational quadratic splines, a neural spline flow; ``"maf"`` straight
        lines, a masked autoregressive flow, which is several times faster and less flexible.
    n_transforms : int
        Transformations in the chain.
    hidden_units : tuple of int
        Widths of the hidden layers of each transformation's network.
    n_bins : int
        Bins of a spline, at least 2; ``"maf"`` has none.
    n_epochs, batch_size, learning_rate, validation_fraction, patience, random_state
        As in `TwoStageSampler`, but ``n_epochs="auto"`` makes about 1,000 steps.

    Attributes
    ----------
    architecture_ : ndarray of int64
        ``n_transforms``, ``n_bins`` (0 for ``"maf"``) and ``hidden_units`` of the fit.
    validation_score_ : float
        Mean log density of the latents held out, in nats.
    mean_, scale_, weights_, n_epochs_
        As in `TwoStageSampler`.

    Notes
    -----
    A density takes one pass through each transformation, a sample as many as a latent has dimensions.

    See Also
    --------
    GMMSampler : a density as well, without torch.

    References
    ----------
    C. Durkan, A. Bekasov, I. Murray, G. Papamakarios, "Neural spline flows", 2019, arXiv:1906.04032.
    G. Papamakarios, T. Pavlakou, I. Murray, "Masked autoregressive flow for density estimation", 2017,
    arXiv:1705.07057.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.random.default_rng(0).normal([3.0, -3.0], [1.0, 0.1], size=(300, 2))
    >>> sampler = FlowSampler(n_epochs=2, hidden_units=(8,), random_state=0).fit(latents)
    >>> sampler.sample(4).shape, sampler.n_epochs_
    ((4, 2), 2)
    """

    _first_width = 2
    _extra = "flow"
    _auto_steps = 1000
    _noise_width = 1

    def __init__(
        self,
        kind: str = "spline",
        *,
        n_transforms: int = 3,
        hidden_units: tuple[int, ...] = (128, 128),
        n_bins: int = 8,
        n_epochs: int | str = "auto",
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        validation_fraction: float = 0.1,
        patience: int = 10,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            hidden_units=hidden_units,
            n_epochs=n_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation_fraction=validation_fraction,
            patience=patience,
            random_state=random_state,
        )
        self.kind = kind
        self.n_transforms = n_transforms
        self.n_bins = n_bins

    def _architecture(self) -> list[int]:
        kind = _validation.check_choice(self.kind, "kind", ("spline", "maf"))
        n_transforms = _validation.check_integer(self.n_transforms, "n_transforms", minimum=1)
        n_bins = _validation.check_integer(self.n_bins, "n_bins", minimum=2)
        return [n_transforms, n_bins if kind == "spline" else 0, *self._check_hidden_units()]

    def _network(self, d: int, architecture: list[int]) -> Any:
        flows = import_extra("zuko", self._extra).flows
        n_transforms, n_bins, *hidden_units = architecture
        if n_bins:
            return flows.NSF(d, bins=n_bins, transforms=n_transforms, hidden_features=hidden_units)
        return flows.MAF(d, transforms=n_transforms, hidden_features=hidden_units)

    def _losses(self, network: Any, rows: Any, generator: Any) -> Any:
        return -network().log_prob(rows)

    def _from_noise(self, torch: Any, network: Any, noise: Any) -> Any:
        return network().transform.inv(noise)

    def _score_samples(self, X: Array) -> Array:
        varies = self.scale_ > 0
        log_density = np.zeros(len(X))
        if varies.any():
            with self._fitted_network() as (torch, network):
                rows = torch.from_numpy((X[:, varies] - self.mean_[varies]) / self.scale_[varies])
                log_density = torch.cat([network().log_prob(part) for part in in_chunks(rows)]).numpy()
            log_density = log_density - np.log(self.scale_[varies]).sum()
        in_support = (X[:, ~varies] == self.mean_[~varies].astype(X.dtype)).all(axis=1)
        return np.where(in_support, log_density, -np.inf)
