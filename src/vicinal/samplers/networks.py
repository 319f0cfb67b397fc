r"""Small torch networks fitted to standardised latents: what the flow and the second autoencoder share.

.. math:: z_j = \mu_j + s_j x_j

with mu and s the mean and standard deviation of each dimension. A network models x; a constant dimension has s = 0, is
left out of x and comes back as it is. Adam, a one-cycle learning rate and clipped gradients lower the loss, in nats
per latent, of most rows; the weights of the epoch with the lowest loss of the others, held out, are kept.
"""

from __future__ import annotations

import math
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np

from vicinal import _progress, _validation, rng, storage
from vicinal._errors import InvalidInputError, import_extra
from vicinal.samplers.base import ArrayFitMixin

Array = np.ndarray[Any, Any]

_MOST_EPOCHS = 100  # that n_epochs="auto" makes
_LEAST_STEPS = 10  # in an epoch: with fewer, few latents are hardly learned from
_CLIP_NORM = 5.0  # of the gradient of the mean loss
_CHUNK = 1 << 16  # values of rows that need no gradients, taken through a network together

_MAKING = threading.Lock()  # one thread at a time borrows torch's own generator


class NetworkFitMixin(ArrayFitMixin):
    """A sampler that is a network of standardised latents.

    Its weights are kept as one array, so that they are saved as those of any sampler; the network is made again from
    ``architecture_`` when it is needed, in float64: rows then agree to rounding in batches of any size.
    """

    _block_rows = 1024
    _extra: ClassVar[str]  # that brings what the network is made of
    _auto_steps: ClassVar[int]  # that n_epochs="auto" makes

    hidden_units: Any
    n_epochs: Any
    batch_size: Any
    learning_rate: Any
    validation_fraction: Any
    patience: Any

    mean_: Array
    scale_: Array
    architecture_: Array
    weights_: Array
    n_epochs_: int
    validation_score_: float

    @classmethod
    def _from_artifact(cls, artifact: storage.Artifact) -> Self:
        sampler = super()._from_artifact(artifact)
        sampler.hidden_units = tuple(sampler.hidden_units)  # JSON has lists only
        return sampler

    @abstractmethod
    def _architecture(self) -> list[int]:
        """Return the integers that say what the network looks like, from checked parameters."""

    @abstractmethod
    def _network(self, d: int, architecture: list[int]) -> Any:
        """Return an untrained torch module for rows of d dimensions."""

    @abstractmethod
    def _losses(self, network: Any, rows: Any, generator: Any) -> Any:
        """Return the loss of each standardised row, in nats: tensors (n, d) and (n,), random by the generator."""

    def _check_hidden_units(self) -> list[int]:
        units = self.hidden_units
        if not isinstance(units, list | tuple) or not units:
            raise InvalidInputError(
                f"hidden_units must be the widths of one layer or more, such as (64,); got {units!r}"
            )
        return [_validation.check_integer(width, "each of hidden_units", minimum=1) for width in units]

    def _fit(self, X: Array) -> dict[str, Any]:
        torch = import_extra("torch", self._extra)
        architecture, seed = self._architecture(), rng.seed_key(self.random_state)
        n_held_out, n_batches, n_epochs = self._check_training(len(X))
        constant = X.min(axis=0) == X.max(axis=0)
        mean = np.where(constant, X[0], X.mean(axis=0, dtype=np.float64))
        scale = np.where(constant, 0.0, X.std(axis=0, dtype=np.float64))
        state = {"mean_": mean, "scale_": scale, "architecture_": np.array(architecture)}
        varies = scale > 0
        if not varies.any() or not np.isfinite(scale).all():  # a point, or what `fit` refuses as too large
            return {**state, "weights_": np.empty(0, np.float32), "n_epochs_": 0, "validation_score_": 0.0}
        rows = ((X[:, varies] - mean[varies]) / scale[varies]).astype(np.float32)
        # Whatever mode and default device the caller has set: there are gradients here, and all is on the CPU.
        with torch.inference_mode(False), torch.device("cpu"):
            network = self._new_network(torch, int(varies.sum()), architecture, seed).float()
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(rows), generator=generator)
            held_out, rest = torch.from_numpy(rows)[order].split([n_held_out, len(rows) - n_held_out])
            weights, n_done, loss = self._train(network, rest, held_out, n_epochs, n_batches, generator)
        score = -loss - float(np.log(scale[varies]).sum())
        return {**state, "weights_": weights, "n_epochs_": n_done, "validation_score_": score}

    def _check_training(self, n: int) -> tuple[int, int, int]:
        """Return how many of n rows are held out, the batches of an epoch, and the epochs, from checked parameters."""
        fraction = _validation.check_positive(self.validation_fraction, "validation_fraction")
        if fraction >= 1:
            raise InvalidInputError(f"validation_fraction must be below 1; got {fraction}")
        n_held_out = min(max(1, round(fraction * n)), n - 1)
        batch_size = _validation.check_integer(self.batch_size, "batch_size", minimum=1)
        n_batches = max(math.ceil((n - n_held_out) / batch_size), min(_LEAST_STEPS, n - n_held_out))
        if isinstance(self.n_epochs, str):
            if self.n_epochs != "auto":
                raise InvalidInputError(f"n_epochs must be an integer or 'auto'; got {self.n_epochs!r}")
            n_epochs = min(math.ceil(self._auto_steps / n_batches), _MOST_EPOCHS)
        else:
            n_epochs = _validation.check_integer(self.n_epochs, "n_epochs", minimum=1)
        _validation.check_positive(self.learning_rate, "learning_rate")
        _validation.check_integer(self.patience, "patience", minimum=1)
        return n_held_out, n_batches, n_epochs

    def _train(
        self, network: Any, rows: Any, held_out: Any, n_epochs: int, n_batches: int, generator: Any
    ) -> tuple[Array, int, float]:
        """Return the best weights, the epochs done, and the lowest mean loss of the rows held out."""
        torch = import_extra("torch", self._extra)
        parameters, n_steps = list(network.parameters()), n_epochs * n_batches
        optimizer = torch.optim.Adam(parameters, lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, total_steps=n_steps)
        best, lowest, best_epoch, epoch = None, math.inf, 0, 0
        with _progress.late_bar(f"Fitting {type(self).__name__}", total=n_steps) as advance:
            for epoch in range(1, n_epochs + 1):
                order = torch.randperm(len(rows), generator=generator)
                for batch in rows[order].tensor_split(n_batches):
                    optimizer.zero_grad(set_to_none=True)
                    self._losses(network, batch, generator).mean().backward()
                    torch.nn.utils.clip_grad_norm_(parameters, _CLIP_NORM)
                    optimizer.step()
                    schedule.step()
                    advance(1)
                loss = self._validate(network, held_out)
                if loss < lowest:
                    best, lowest, best_epoch = _to_array(network), loss, epoch
                elif not loss < math.inf or epoch - best_epoch >= self.patience:
                    break
        if best is None:
            raise InvalidInputError(
                f"the loss became {loss} in epoch {epoch}: pass a learning_rate below {self.learning_rate:g}"
            )
        return best, epoch, lowest

    def _validate(self, network: Any, held_out: Any) -> float:
        """Return the mean loss of the rows held out, with the same noise every time."""
        torch = import_extra("torch", self._extra)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            losses = [self._losses(network, rows, generator) for rows in in_chunks(held_out)]
        return float(torch.cat(losses).double().mean())

    def _new_network(self, torch: Any, d: int, architecture: list[int], seed: int) -> Any:
        """Return an untrained network, and torch's own generator, which initial weights come from, as it was."""
        with _MAKING, torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # not torch.manual_seed: that seeds accelerators too
            return self._network(d, architecture)

    @contextmanager
    def _fitted_network(self) -> Iterator[tuple[Any, Any]]:
        """Give torch and the network in float64, while no gradients are kept."""
        torch = import_extra("torch", self._extra)
        with torch.no_grad(), torch.device("cpu"):
            network = self._new_network(torch, int((self.scale_ > 0).sum()), self.architecture_.tolist(), seed=0)
            _from_array(network.double(), self.weights_)
            yield torch, network

    def _standardised(self, X: Array) -> Array:
        """Return the varying dimensions of latents (n, d) in units of their standard deviations, float64."""
        varies = self.scale_ > 0
        return (X[:, varies] - self.mean_[varies]) / self.scale_[varies]

    def _latents_of(self, rows: Array) -> Array:
        """Return latents (n, d) of standardised rows."""
        latents = np.tile(self.mean_, (len(rows), 1))
        varies = self.scale_ > 0
        latents[:, varies] += self.scale_[varies] * rows
        return latents


def in_chunks(rows: Any) -> Any:
    """Return a tensor (n, d) as a tuple of parts that take little memory on their way through a network."""
    return rows.split(max(1, _CHUNK // rows.shape[1]))


def _to_array(network: Any) -> Array:
    """Return everything a network holds, masks as well, as one array of float32."""
    return np.concatenate([tensor.numpy().astype(np.float32).ravel() for tensor in network.state_dict().values()])


def _from_array(network: Any, array: Array) -> None:
    """Give a network what `_to_array` took from one of the same architecture."""
    first = 0
    for tensor in network.state_dict().values():
        part = array[first : first + tensor.numel()].reshape(tuple(tensor.shape))
        tensor.numpy()[...] = part
        first += tensor.numel()
