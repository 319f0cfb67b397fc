"""EfficientNet-Lite0 up to its global average pooling, batch normalisation folded into convolutions.

::

    images (n, 3, H, W) -> stem -> 16 blocks -> head -> mean over places -> features (n, 1280)

    stem   convolution 3 x 3, stride 2
    block  [1 x 1 to e times the channels] -> depthwise k x k, stride s -> 1 x 1; plus its input where shapes allow
    head   convolution 1 x 1 to 1280 channels

each followed by batch normalisation and ReLU6, save the last of a block, which has no ReLU6. A
convolution W with normalisation of mean m, variance v, weight g and bias b is one convolution

    g / sqrt(v + 1e-3) * W,   plus   b - m * g / sqrt(v + 1e-3)

Padding is TensorFlow's SAME: the odd pixel goes after, not before.

References
----------
M. Tan, Q. V. Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019,
arXiv:1905.11946.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of the file of weights

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of the blocks; weights tell all the rest
_EPSILON = 1e-3


class EfficientNetLite0(nn.Module):
    """The network, made from a state dict with the names of the package efficientnet-lite-pytorch.

    Parameters
    ----------
    state : mapping of str to Tensor
        The weights. That of the classifier on top is not used.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _Convolution(state, "_conv_stem", "_bn0", stride=2),
            *(_Block(state, f"_blocks.{i}.", stride) for i, stride in enumerate(_STRIDES)),
            _Convolution(state, "_conv_head", "_bn1"),
        )
        self.eval().requires_grad_(requires_grad=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Return features (n, 1280), in [0, 6], of images (n, 3, H, W) that hold (level - 127) / 128."""
        maps: Tensor = self.layers(images.contiguous(memory_format=torch.channels_last))
        return maps.mean(dim=(2, 3))


class _Block(nn.Module):
    def __init__(self, state: Mapping[str, Tensor], prefix: str, stride: int) -> None:
        super().__init__()
        expand, depthwise, project = (f"{prefix}_{part}_conv" for part in ("expand", "depthwise", "project"))
        layers = [_Convolution(state, expand, f"{prefix}_bn0")] if f"{expand}.weight" in state else []
        layers += [
            _Convolution(state, depthwise, f"{prefix}_bn1", stride=stride, depthwise=True),
            _Convolution(state, project, f"{prefix}_bn2", bounded=False),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and layers[0].weight.shape[1 if len(layers) == 3 else 0] == len(layers[-1].weight)

    def forward(self, maps: Tensor) -> Tensor:
        output: Tensor = self.layers(maps)
        return output + maps if self.residual else output


class _Convolution(nn.Module):
    """A convolution with the batch normalisation after it folded in, then ReLU6 if ``bounded``."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        name: str,
        norm: str,
        *,
        stride: int = 1,
        depthwise: bool = False,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        weight, (gain, bias, mean, variance) = (
            state[f"{name}.weight"].double(),
            (state[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")),
        )
        scale = gain / torch.sqrt(variance + _EPSILON)
        self.weight = nn.Parameter((weight * scale[:, None, None, None]).float())
        self.bias = nn.Parameter((bias - mean * scale).float())
        self.stride, self.groups, self.bounded = stride, len(weight) if depthwise else 1, bounded

    def forward(self, maps: Tensor) -> Tensor:
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
