r"""Small torch networks fitted to standardised latents: what the flow and the second autoencoder share.

.. math:: z_j = \mu_j + s_j x_j

with mu and s the mean and standard deviation of each dimension. A network models x. A constant dimension has s = 0, is
left out of x and comes back unchanged. Adam with a one-cycle learning rate and clipped gradients minimises the weighted
mean loss, in nats per latent, of most latents. The weights of the epoch with the lowest loss of the held-out latents
are kept.
"""

from __future__ import annotations

import importlib.util
import math
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from vicinal import _progress, _validation, rng
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, import_extra
from vicinal.rng import Draws
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches
from vicinal.samplers.by_class import mean_and_variance, parts_of, without_labels
from vicinal.samplers.fitted import Fitted, attributes

_MOST_EPOCHS = 100  # for n_epochs="auto"
_LEAST_STEPS = 10  # in an epoch; with fewer steps, a network hardly learns from few latents
_CLIP_NORM = 5.0  # of the gradient of the mean loss
_CHUNK = 1 << 16  # values that go through a network together where no gradients are kept
_FIRST_BLOCK, _LARGEST_BLOCK = 16, 1024  # samples, powers of two

_MAKING = threading.Lock()  # one thread at a time uses torch's own generator


class TorchSampler(Sampler):
    """A sampler that is a network of standardised latents.

    The weights of the network are kept as one array, which is saved like any other. The network is made again from
    ``architecture_`` when it is needed, in float64.
    """

    _conditions = False
    _extra: ClassVar[str]  # the extra that installs what the network needs
    _auto_steps: ClassVar[int]  # steps in all for n_epochs="auto"
    _first_width: ClassVar[int]  # the place in ``architecture_`` of the first width of a layer
    _noise_width: ClassVar[int]  # normal numbers in a sample for each dimension that varies

    _expected = attributes(
        mean_=Fitted("d"),
        scale_=Fitted("d", 0),
        architecture_=Fitted("a", 0, 1 << 14, whole=True),
        weights_=Fitted("p"),
        n_epochs_=Fitted(low=0, whole=True),
        validation_score_=Fitted(finite=False),
    )

    mean_: Array
    scale_: Array
    architecture_: Array
    weights_: Array
    n_epochs_: int
    validation_score_: float

    def __init__(
        self,
        *,
        hidden_units: tuple[int, ...] = (256, 256, 256),
        n_epochs: int | str = "auto",
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        validation_fraction: float = 0.1,
        patience: int = 10,
        random_state: Any = None,
    ) -> None:
        self.hidden_units = hidden_units
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state

    @abstractmethod
    def _architecture(self) -> list[int]:
        """Return the integers that say what the network looks like, from checked parameters."""

    @abstractmethod
    def _network(self, d: int, architecture: list[int]) -> Any:
        """Return an untrained torch module for rows of d dimensions."""

    @abstractmethod
    def _losses(self, network: Any, rows: Any, generator: Any) -> Any:
        """Return the loss of each standardised row, in nats: tensors (n, d) and (n,), random by the generator."""

    @abstractmethod
    def _from_noise(self, torch: Any, network: Any, noise: Any) -> Any:
        """Return standardised rows made of standard normal noise: tensors (n, d) and (n, _noise_width * d)."""

    def _check_hidden_units(self) -> list[int]:
        units = self.hidden_units
        if not isinstance(units, list | tuple) or not units:
            raise InvalidInputError(
                f"hidden_units must be the widths of one layer or more, such as (64,); got {units!r}"
            )
        return [_validation.check_integer(width, "each of hidden_units", minimum=1) for width in units]

    def _fit(self, batches: Batches) -> dict[str, Any]:
        torch = import_extra("torch", self._extra)
        architecture, seed = self._architecture(), rng.seed_key(self.random_state)
        training = without_labels(batches, type(self).__name__)
        (part,) = parts_of(training, batches)
        n_held_out, n_batches, n_epochs = self._check_training(len(part.rows))
        mean, variance = mean_and_variance(part, ddof=0)
        scale = np.sqrt(variance)
        state = {"mean_": mean, "scale_": scale, "architecture_": np.array(architecture)}
        varies = scale > 0
        if not varies.any() or not np.isfinite(scale).all():  # all latents are equal, or too large: `fit` refuses them
            return {**state, "weights_": np.empty(0, np.float32), "n_epochs_": 0, "validation_score_": 0.0}
        rows = ((part.rows[:, varies] - mean[varies]) / scale[varies]).astype(np.float32)
        relative = (part.counts / part.counts.mean()).astype(np.float32)
        # This works in any mode and with any default device of the caller: training is on the CPU, with gradients.
        with torch.inference_mode(False), torch.device("cpu"):
            network = self._new_network(torch, int(varies.sum()), architecture, seed).float()
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(rows), generator=generator)
            weighted = [torch.from_numpy(values)[order] for values in (rows, relative)]
            held_out, rest = [v[:n_held_out] for v in weighted], [v[n_held_out:] for v in weighted]
            weights, n_done, loss = self._train(network, rest, held_out, n_epochs, n_batches, generator)
        score = -loss - float(np.log(scale[varies]).sum())
        return {**state, "weights_": weights, "n_epochs_": n_done, "validation_score_": score}

    def _check_training(self, n: int) -> tuple[int, int, int]:
        """Check parameters; return the numbers of held-out rows among n, of batches in an epoch, and of epochs."""
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
        self, network: Any, rest: Any, held_out: Any, n_epochs: int, n_batches: int, generator: Any
    ) -> tuple[Array, int, float]:
        """Return the best state, the epochs done, and the lowest loss of held-out rows; rows come with weights."""
        torch = import_extra("torch", self._extra)
        rows, weights = rest
        parameters, n_steps = list(network.parameters()), n_epochs * n_batches
        optimizer = torch.optim.Adam(parameters, lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, total_steps=n_steps)
        best, lowest, best_epoch, epoch = None, math.inf, 0, 0
        with _progress.bar(f"Fitting {type(self).__name__}", n_steps) as progress:
            for epoch in range(1, n_epochs + 1):
                order = torch.randperm(len(rows), generator=generator)
                shuffled = (values[order].tensor_split(n_batches) for values in (rows, weights))
                for batch, w in zip(*shuffled, strict=True):
                    optimizer.zero_grad(set_to_none=True)
                    _weighted_mean(self._losses(network, batch, generator), w).backward()
                    torch.nn.utils.clip_grad_norm_(parameters, _CLIP_NORM)
                    optimizer.step()
                    schedule.step()
                    progress.advance(1)
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
        """Return the mean loss of held-out rows, with the same noise every time."""
        rows, weights = held_out
        torch = import_extra("torch", self._extra)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            losses = torch.cat([self._losses(network, part, generator) for part in in_chunks(rows)])
            return float(_weighted_mean(losses.double(), weights))

    def _sample(self, draws: Draws) -> Array:
        start, n_samples = draws.start, draws.n_samples
        varies, last = self.scale_ > 0, start
        d = int(varies.sum())
        if d == 0:
            return np.tile(self.mean_, (n_samples, 1))
        blocks = [np.empty((0, d))]
        with self._fitted_network() as (torch, network):
            while last < start + n_samples:
                first, size = block_of(last)
                noise = torch.from_numpy(Draws(draws.key, first, size).normals(self._noise_width * d))
                blocks.append(self._from_noise(torch, network, noise).numpy())
                last = first + size
        rows = np.concatenate(blocks)[start - block_of(start)[0] :][:n_samples]
        latents = np.tile(self.mean_, (n_samples, 1))
        latents[:, varies] += self.scale_[varies] * rows
        return latents

    def _new_network(self, torch: Any, d: int, architecture: list[int], seed: int) -> Any:
        """Return an untrained network; torch's own generator, which gives the initial weights, stays as it was."""
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

    def _check_fitted(self) -> None:
        """Hold the weights against the network of ``architecture_``, if its packages are there to make one."""
        sizes, most = self.architecture_.astype(np.float64), max(1, len(self.weights_))
        products = sizes[1:] * sizes[:-1]  # each layer has more weights than the product of two widths
        if (sizes[self._first_width :] < 1).any() or max(sizes.max(), products.max(initial=0)) > most:
            raise FileFormatError(
                f"architecture_ must be that of a network of {len(self.weights_)} weights; got "
                f"{self.architecture_.tolist()}"
            )
        if not (self.scale_ > 0).any() and len(self.weights_):
            raise FileFormatError("weights_ must be empty, as scale_ is 0 in every dimension; they are not")
        if len(self.weights_) and importlib.util.find_spec("zuko" if self._extra == "flow" else "torch"):
            with self._fitted_network():
                pass


def block_of(row: int) -> tuple[int, int]:
    """Return the first row and the size of the block of the stream of samples that a row belongs to.

    BLAS may round a row differently among another number of rows, so samples are made in whole blocks. Blocks double
    in size from the first to the largest: a single sample costs little, and many samples cost no more than necessary.

    Examples
    --------
    >>> [block_of(row) for row in (0, 15, 16, 100, 1023, 1024, 5000)]
    [(0, 16), (0, 16), (16, 16), (64, 64), (512, 512), (1024, 1024), (4096, 1024)]
    """
    if row < _FIRST_BLOCK:
        return 0, _FIRST_BLOCK
    size = min(1 << (row.bit_length() - 1), _LARGEST_BLOCK)
    return row - row % size, size


def in_chunks(rows: Any) -> Any:
    """Return a tensor (n, d) in parts that need little memory in a network."""
    return rows.split(max(1, _CHUNK // rows.shape[1]))


def _weighted_mean(losses: Any, weights: Any) -> Any:
    return (losses * weights).sum() / weights.sum()


def _to_array(network: Any) -> Array:
    """Return the state of a network, with its masks, as one array of float32."""
    return np.concatenate([tensor.numpy().astype(np.float32).ravel() for tensor in network.state_dict().values()])


def _from_array(network: Any, array: Array) -> None:
    """Set the state of a network from what `_to_array` returned for one of the same architecture."""
    tensors = list(network.state_dict().values())
    ends = np.cumsum([tensor.numel() for tensor in tensors])
    if ends[-1] != len(array):
        raise FileFormatError(f"weights_ must hold the {ends[-1]} weights of the network; got {len(array)}")
    for tensor, part in zip(tensors, np.split(array, ends[:-1]), strict=True):
        if not tensor.is_floating_point() and not np.array_equal(tensor.numpy().ravel(), part):
            raise FileFormatError("weights_ must hold the masks of the network as they are; they are others")
        tensor.numpy()[...] = part.reshape(tuple(tensor.shape))
