"""Features of the 2015 Inception network: up to its last pooling, where FID is computed, as a table.

Inception v3 as TensorFlow released it in 2015 and pytorch-fid ported it, with torchvision's names of
weights. It is not quite the published network: average pooling leaves the padding out, and the last
block pools by the maximum.
"""

from __future__ import annotations

import functools
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vicinal._errors import FileFormatError, import_extra
from vicinal.metrics.features.extractor import RgbFeatures, sum_of_file

if TYPE_CHECKING:
    from torch import Tensor

FILE = "pt_inception-2015-12-05-6726825d.pth"  # of pytorch-fid; the digits begin its sha256
SHA256_PREFIX = "6726825d"
SIDE = 299
N_FEATURES = 2048

_N_CLASSES = 1008
_EPSILON = 1e-3
_NORM = ("weight", "bias", "running_mean", "running_var")
_COUNTER = "num_batches_tracked"  # of batch normalisation: some versions of torch save it, nothing needs it here

# A block is its pooling and its branches. The last branch follows the pooling. A branch is a list of steps; a step
# holds one convolution, or two side by side, by name: channels, height and width of the kernel, and the stride of one
# without padding.
_Convolution = tuple[int, ...]
_Step = dict[str, _Convolution]
_Block = tuple[str, list[list[_Step]]]


def _branch(name: str, *steps: _Convolution | list[_Convolution]) -> list[_Step]:
    """Return steps by their names: that of the branch if there is one step, else numbered; a list is side by side."""
    found = []
    for i, step in enumerate(steps, 1):
        label = name if len(steps) == 1 else f"{name}_{i}"
        found.append({label: step} if isinstance(step, tuple) else {f"{label}a": step[0], f"{label}b": step[1]})
    return found


def _a(n_pool: int) -> _Block:
    return "mean", [
        _branch("branch1x1", (64, 1, 1)),
        _branch("branch5x5", (48, 1, 1), (64, 5, 5)),
        _branch("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        _branch("branch_pool", (n_pool, 1, 1)),
    ]


def _c(n: int) -> _Block:
    return "mean", [
        _branch("branch1x1", (192, 1, 1)),
        _branch("branch7x7", (n, 1, 1), (n, 1, 7), (192, 7, 1)),
        _branch("branch7x7dbl", (n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)),
        _branch("branch_pool", (192, 1, 1)),
    ]


def _e(pooling: str) -> _Block:
    return pooling, [
        _branch("branch1x1", (320, 1, 1)),
        _branch("branch3x3", (384, 1, 1), [(384, 1, 3), (384, 3, 1)]),
        _branch("branch3x3dbl", (448, 1, 1), (384, 3, 3), [(384, 1, 3), (384, 3, 1)]),
        _branch("branch_pool", (192, 1, 1)),
    ]


_B: _Block = (
    "halve",
    [
        _branch("branch3x3", (384, 3, 3, 2)),
        _branch("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3, 2)),
        [],
    ],
)
_D: _Block = (
    "halve",
    [
        _branch("branch3x3", (192, 1, 1), (320, 3, 3, 2)),
        _branch("branch7x7x3", (192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3, 2)),
        [],
    ],
)
_STEM: list[list[_Step]] = [  # each is followed by pooling that halves
    [{"Conv2d_1a_3x3": (32, 3, 3, 2)}, {"Conv2d_2a_3x3": (32, 3, 3, 1)}, {"Conv2d_2b_3x3": (64, 3, 3)}],
    [{"Conv2d_3b_1x1": (80, 1, 1)}, {"Conv2d_4a_3x3": (192, 3, 3, 1)}],
]
_BLOCKS = {
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": _B,
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": _D,
    "Mixed_7b": _e("mean"),
    "Mixed_7c": _e("max"),
}


class InceptionFeatures(RgbFeatures):
    """2048 features of the 2015 Inception network: the Frechet distance between them is FID.

    Levels become RGB, are resized to 299 x 299 (bilinear, not antialiased) and scaled to [-1, 1], as in
    pytorch-fid. A TorchScript file gets the levels as they are, and resizes them itself. ``resized(299)`` resizes as
    clean-fid does.

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
    C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2015, arXiv:1512.00567.
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017,
    arXiv:1706.08500.

    Examples
    --------
    >>> features = InceptionFeatures("pt_inception-2015-12-05-6726825d.pth")  # doctest: +SKIP
    >>> features.frechet_name  # doctest: +SKIP
    'FID'
    """

    image_size = SIDE
    _version = 2  # 1 normalised after each convolution

    def __init__(self, weights: str | os.PathLike[str], *, batch_size: int = 32, device: Any = None) -> None:
        super().__init__(batch_size, device)
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"weights must be a file, such as pytorch-fid's {FILE}; got {path}")
        self._sha256 = sum_of_file(path)
        self._scripted = _is_torchscript(path)
        found = _load(path, self._scripted)
        self._network = found.to(self._device) if self._scripted else None
        self._weights = {} if self._scripted else _checked_weights(found, path, self._device)
        self.verified = self._sha256.startswith(SHA256_PREFIX)
        self.name = "Inception 2015" if self.verified else "Inception (unverified weights)"
        self.frechet_name = "FID" if self.verified else "Frechet distance"
        if not self.verified:
            warnings.warn(
                f"{path} is not pytorch-fid's {FILE}, by its checksum: distances between these features "
                "are not called FID; pass that file for values that can be compared with published ones",
                UserWarning,
                stacklevel=2,
            )

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return self._fingerprint(scripted=self._scripted, sha256=self._sha256)

    def _forward(self, images: Tensor) -> Tensor:
        from torch.nn.functional import interpolate

        if self._network is None:
            images = interpolate(images / 255.0, (SIDE, SIDE), mode="bilinear", align_corners=False)
            return _network(2.0 * images - 1.0, self._weights)
        output = self._network(images, return_features=True)
        shape = getattr(output, "shape", None)
        if shape != (len(images), N_FEATURES):
            got = type(output).__name__ if shape is None else tuple(shape)
            raise FileFormatError(
                f"weights must give {N_FEATURES} features for each of {len(images)} images; got {got}: "
                "pass inception-2015-12-05.pt"
            )
        return output


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight of the network, by the names of torchvision."""
    found: dict[str, tuple[int, ...]] = {}

    def follow(branch: list[_Step], prefix: str, channels: int) -> int:
        for step in branch:
            for name, (n_maps, height, width, *_) in step.items():
                found[f"{prefix}{name}.conv.weight"] = (n_maps, channels, height, width)
                found.update({f"{prefix}{name}.bn.{part}": (n_maps,) for part in _NORM})
            channels = sum(n_maps for n_maps, *_ in step.values())
        return channels

    channels = 3
    for branch in _STEM:
        channels = follow(branch, "", channels)
    for block, (_, branches) in _BLOCKS.items():
        channels = sum([follow(branch, f"{block}.", channels) for branch in branches])
    return found | {"fc.weight": (_N_CLASSES, channels), "fc.bias": (_N_CLASSES,)}  # fc is in every file, and not used


def _folded(weights: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return kernel and bias of each convolution, by name, with batch normalisation folded in.

    Features change by rounding alone: 1e-6 of their norm. Channels last is the fast layout of CPUs.
    """
    import torch

    found = {}
    for name, kernel in weights.items():
        if name.endswith(".conv.weight"):
            label = name.removesuffix(".conv.weight")
            gain, bias, mean, variance = (weights[f"{label}.bn.{part}"].double() for part in _NORM)
            scale = gain / torch.sqrt(variance + _EPSILON)
            folded = (kernel.double() * scale[:, None, None, None]).float()
            found[label] = folded.contiguous(memory_format=torch.channels_last), (bias - mean * scale).float()
    return found


def _network(images: Tensor, weights: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
    """Return features (n, 2048) of images (n, 3, 299, 299) in [-1, 1]."""
    import torch
    from torch.nn import functional

    def follow(branch: list[_Step], prefix: str, maps: Tensor) -> Tensor:
        for step in branch:
            outputs = []
            for name, (_, height, width, *strides) in step.items():
                stride, padding = (strides[0], (0, 0)) if strides else (1, (height // 2, width // 2))
                kernel, bias = weights[prefix + name]
                output = functional.conv2d(maps, kernel, bias, stride, padding)
                outputs.append(functional.relu(output, inplace=True))
            maps = torch.cat(outputs, dim=1) if len(outputs) > 1 else outputs[0]
        return maps

    pooled = {
        "halve": functools.partial(functional.max_pool2d, kernel_size=3, stride=2),
        "max": functools.partial(functional.max_pool2d, kernel_size=3, stride=1, padding=1),
        "mean": functools.partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False),
    }
    maps = images
    for branch in _STEM:
        maps = pooled["halve"](follow(branch, "", maps))
    for block, (pooling, branches) in _BLOCKS.items():
        inputs = [maps] * (len(branches) - 1) + [pooled[pooling](maps)]
        outputs = [follow(branch, f"{block}.", each) for branch, each in zip(branches, inputs, strict=True)]
        maps = torch.cat(outputs, dim=1)
    return maps.mean(dim=(2, 3))


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _load(path: Path, scripted: bool) -> Any:
    """Return what a file holds: a TorchScript network, or a state dict."""
    torch = import_extra("torch", "torch")
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if not scripted:
            return torch.load(path, map_location="cpu", weights_only=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the format, which the file will not leave
            network = torch.jit.load(str(path), map_location="cpu").eval()
            names = [argument.name for argument in network.forward.schema.arguments]
    except (OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - the loaders raise anything for what is damaged, or holds code
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise FileFormatError(
            f"{path} is no whole file of weights, or holds more than tensors, which is never run ({reason}): "
            "fetch it again"
        ) from None
    if "return_features" not in names:
        raise FileFormatError(
            f"{path} must hold a TorchScript network that takes (images, return_features=True); got one that takes "
            f"({', '.join(names[1:])}): pass inception-2015-12-05.pt"
        )
    return network


def _checked_weights(state: Any, path: Path, device: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Return `_folded` weights of ``state``, read from ``path``, on a device, if they are this network's."""
    import torch

    expected, remedy = shapes(), f"pass pytorch-fid's {FILE}"
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise FileFormatError(
            f"{path} must hold a state dict, names with tensors; got {type(state).__name__}: {remedy}"
        )
    missing = [name for name in expected if name not in state]
    unexpected = [str(name) for name in state if name not in expected and not str(name).endswith(_COUNTER)]
    faults = [f"it lacks {_first(missing)}"] if missing else []
    faults += [f"it has {_first(unexpected)}, which does not belong there"] if unexpected else []
    faults = faults or [
        f"{name} must have shape {shape}; got {tuple(state[name].shape)}"
        for name, shape in expected.items()
        if tuple(state[name].shape) != shape
    ]
    if faults:
        raise FileFormatError(f"{path} is no FID Inception network: {' and '.join(faults[:2])}: {remedy}")
    folded = _folded({name: state[name].float() for name in expected})
    return {name: (kernel.to(device), bias.to(device)) for name, (kernel, bias) in folded.items()}


def _first(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
