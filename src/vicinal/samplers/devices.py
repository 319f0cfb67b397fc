"""Where samples are drawn: a sampler moves to another device, and a pickled one to a machine without its device."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _arrays, _validation
from vicinal._errors import InvalidInputError


class Movable:
    """The part of a sampler that knows where its samples go."""

    dtype_: np.dtype[Any]
    _tensor_kind: _arrays.TensorKind | None

    def to(self, device: Any) -> Self:
        """Move the sampler: from now on samples are torch tensors on a device.

        Parameters
        ----------
        device : str or torch.device
            Such as ``"cpu"`` or ``"cuda:0"``.

        Returns
        -------
        self
            The same sampler. Its seed gives the same rows, normal numbers to the last bits.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError
            If torch cannot use the device here.
        MissingExtraError
            If torch is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from vicinal.samplers import PMFSampler
        >>> sampler = PMFSampler(2, random_state=0).fit(np.eye(3))
        >>> sampler.to("cpu").sample(2).device
        device(type='cpu')
        """
        check_is_fitted(self)
        kind = self._tensor_kind
        name = self.dtype_.name if kind is None else kind.dtype
        self._tensor_kind = _arrays.TensorKind(name, str(_validation.check_device(device)))
        self._move()
        return self

    def _move(self) -> None:
        """Bring what samples are drawn from to the device of ``_tensor_kind``; most samplers draw on the CPU."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[misc]  # of scikit-learn, which warns of other versions
        kind = state.get("_tensor_kind")
        if kind is not None and not kind.device.startswith("cpu"):
            self._tensor_kind = _here(kind)
        if "_tensor_kind" in state:
            self._move()


def _here(kind: _arrays.TensorKind) -> _arrays.TensorKind:
    """Return the kind of tensors, on the CPU if torch cannot use their device here."""
    try:
        _validation.check_device(kind.device)
    except InvalidInputError:
        warnings.warn(
            f"the sampler was fitted on {kind.device}, which torch cannot use here: samples come on the CPU",
            UserWarning,
            stacklevel=4,
        )
        return kind._replace(device="cpu")
    return kind
