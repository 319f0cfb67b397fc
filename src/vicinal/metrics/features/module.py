"""Features of any torch module: bring your own network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError, import_extra
from vicinal._validation import check_device, check_integer
from vicinal.images import in_units
from vicinal.metrics.features.base import FeatureExtractor, in_batches, sum_of


class ModuleFeatures(FeatureExtractor):
    """The output of a torch module, such as a network trained on your kind of images.

    The module gets float32 tensors (or its own float type) in [0, 1] with the channels that the images
    have; images (n, H, W) get a channel axis. It runs in evaluation mode and without gradients, and is
    left in the mode it was in.

    Parameters
    ----------
    module : torch.nn.Module
        Returns one tensor: features (n, n_features), or maps (n, n_features, h, w), whose mean over
        h and w is taken.
    name : str, optional
        Label for headings, and part of the fingerprint; the module's class if None.
    batch_size : int
        Images in one call of the module.
    device : str or torch.device, optional
        Where to run: each call moves the module there, and leaves it there. None runs where it is.
    preprocess : callable, optional
        From the tensor (n, C, H, W) in [0, 1] to what the module takes: resizing, normalisation.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used; for a ``preprocess`` without ``name``; on a call, for a
        module that returns something else.
    MissingExtraError
        If torch is not installed.

    Notes
    -----
    The fingerprint sums the module's class, its printed form and its state: names, types, shapes and
    bytes. It cannot see the code of ``forward`` or ``preprocess``: change ``name`` with those.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> features = ModuleFeatures(nn.Conv2d(1, 5, 3))
    >>> features.name, features(np.zeros((7, 28, 28), np.uint8)).shape
    ('Conv2d', (7, 5))
    """

    def __init__(
        self,
        module: Any,
        *,
        name: str | None = None,
        batch_size: int = 64,
        device: Any = None,
        preprocess: Callable[[Any], Any] | None = None,
    ) -> None:
        torch = import_extra("torch", "torch")
        if not isinstance(module, torch.nn.Module):
            raise InvalidTypeError(
                f"module must be a torch.nn.Module; got {type(module).__name__}: "
                "for another function derive from vicinal.metrics.features.FeatureExtractor"
            )
        if preprocess is not None and not callable(preprocess):
            raise InvalidTypeError(f"preprocess must be callable; got {type(preprocess).__name__}")
        if preprocess is not None and not name:
            raise InvalidInputError(
                "name must be given with preprocess, whose code a fingerprint cannot see; "
                "got None: pass a name that you change whenever preprocess changes"
            )
        self.name = type(module).__name__ if name is None else str(name)
        self._module = module
        self._batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self._device = None if device is None else check_device(device)
        self._preprocess = preprocess

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ; the module's state is read each time."""
        kind = type(self._module)
        labels = f"{kind.__module__}.{kind.__qualname__}", repr(self._module)
        state = self._module.state_dict().items()
        return self._fingerprint(
            name=self.name,
            preprocess=self._preprocess is not None,
            sha256=sum_of((_bytes_of(name, value) for name, value in state), *labels),
        )

    def _features(self, levels: Array) -> Array:
        if self._device is not None:
            self._module.to(self._device)
        if levels.ndim == 3:
            levels = levels[:, None]
        with _arrays.evaluating(self._module):
            return in_batches(self._batch, levels, self._batch_size, f"Features: {self.name}")

    def _batch(self, levels: Array) -> Array:
        import torch

        like = next((p for p in self._module.parameters() if p.is_floating_point()), torch.empty(0))
        device = like.device if self._device is None else self._device
        images = torch.from_numpy(in_units(levels)).to(device, like.dtype)
        output = self._module(images if self._preprocess is None else self._preprocess(images))
        if not isinstance(output, torch.Tensor):
            raise InvalidTypeError(
                f"module must return one tensor (n, n_features); got {type(output).__name__}: "
                "wrap it in a torch.nn.Module whose forward picks the one you want"
            )
        if output.ndim not in (2, 4) or len(output) != len(levels):
            raise InvalidInputError(
                f"module must return shape ({len(levels)}, n_features) or ({len(levels)}, n_features, h, w) "
                f"for {len(levels)} images; got {tuple(output.shape)}: wrap it in one that pools"
            )
        output = output.float()
        features: Array = (output.mean(dim=(2, 3)) if output.ndim == 4 else output).detach().cpu().numpy()
        return features


def _bytes_of(name: str, value: Any) -> tuple[str, Array]:
    import torch

    if not isinstance(value, torch.Tensor):  # what a module adds by get_extra_state
        return name, np.frombuffer(repr(value).encode(), np.uint8)
    flat = value.detach().cpu().contiguous().reshape(-1)
    return f"{name}:{value.dtype}:{tuple(value.shape)}", flat.view(torch.uint8).numpy()  # NumPy lacks bfloat16
