"""The 2015 Inception network up to its last pooling, where FID is computed, as a table.

Inception v3 as TensorFlow released it in 2015 and pytorch-fid ported it, with torchvision's names of
weights. It is not quite the published network: average pooling leaves the padding out, and the last
block pools by the maximum.

References
----------
C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2015, arXiv:1512.00567.
M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
2017, arXiv:1706.08500.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vicinal._errors import FileFormatError

FILE = "pt_inception-2015-12-05-6726825d.pth"  # of pytorch-fid; the digits begin its sha256
SHA256_PREFIX = "6726825d"
SIDE = 299
N_FEATURES = 2048

_N_CLASSES = 1008
_EPSILON = 1e-3
_COUNTER = "num_batches_tracked"  # of batch normalisation: some versions of torch save it, nothing needs it here

# A block is its pooling and its branches, the last of which follows the pooling. A branch is a list of steps; a step
# holds one convolution, or two side by side: name, channels, height and width of the kernel, and a stride if not 1.
_Step = dict[str, tuple[int, ...]]
_Block = tuple[str, list[list[_Step]]]


def _a(n_pool: int) -> _Block:
    triple: list[_Step] = [
        {"branch3x3dbl_1": (64, 1, 1)},
        {"branch3x3dbl_2": (96, 3, 3)},
        {"branch3x3dbl_3": (96, 3, 3)},
    ]
    return "mean", [
        [{"branch1x1": (64, 1, 1)}],
        [{"branch5x5_1": (48, 1, 1)}, {"branch5x5_2": (64, 5, 5)}],
        triple,
        [{"branch_pool": (n_pool, 1, 1)}],
    ]


def _b() -> _Block:
    return "halve", [
        [{"branch3x3": (384, 3, 3, 2)}],
        [{"branch3x3dbl_1": (64, 1, 1)}, {"branch3x3dbl_2": (96, 3, 3)}, {"branch3x3dbl_3": (96, 3, 3, 2)}],
        [],
    ]


def _c(n: int) -> _Block:
    single: list[_Step] = [{"branch7x7_1": (n, 1, 1)}, {"branch7x7_2": (n, 1, 7)}, {"branch7x7_3": (192, 7, 1)}]
    double: list[_Step] = [
        {"branch7x7dbl_1": (n, 1, 1)},
        {"branch7x7dbl_2": (n, 7, 1)},
        {"branch7x7dbl_3": (n, 1, 7)},
        {"branch7x7dbl_4": (n, 7, 1)},
        {"branch7x7dbl_5": (192, 1, 7)},
    ]
    return "mean", [[{"branch1x1": (192, 1, 1)}], single, double, [{"branch_pool": (192, 1, 1)}]]


def _d() -> _Block:
    long: list[_Step] = [
        {"branch7x7x3_1": (192, 1, 1)},
        {"branch7x7x3_2": (192, 1, 7)},
        {"branch7x7x3_3": (192, 7, 1)},
        {"branch7x7x3_4": (192, 3, 3, 2)},
    ]
    return "halve", [[{"branch3x3_1": (192, 1, 1)}, {"branch3x3_2": (320, 3, 3, 2)}], long, []]


def _e(pooling: str) -> _Block:
    double: list[_Step] = [
        {"branch3x3dbl_1": (448, 1, 1)},
        {"branch3x3dbl_2": (384, 3, 3)},
        {"branch3x3dbl_3a": (384, 1, 3), "branch3x3dbl_3b": (384, 3, 1)},
    ]
    return pooling, [
        [{"branch1x1": (320, 1, 1)}],
        [{"branch3x3_1": (384, 1, 1)}, {"branch3x3_2a": (384, 1, 3), "branch3x3_2b": (384, 3, 1)}],
        double,
        [{"branch_pool": (192, 1, 1)}],
    ]


_BLOCKS = {
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": _b(),
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": _d(),
    "Mixed_7b": _e("mean"),
    "Mixed_7c": _e("max"),
}


class InceptionNetwork(nn.Module):
    """The network with the weights as they come: random ones, until a state dict is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, 3, 3, 2)
        self.Conv2d_2a_3x3 = _Convolution(32, 32, 3, 3, padded=False)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, 3, 3)
        self.Conv2d_3b_1x1 = _Convolution(64, 80, 1, 1)
        self.Conv2d_4a_3x3 = _Convolution(80, 192, 3, 3, padded=False)
        channels = 192
        for name, (pooling, branches) in _BLOCKS.items():
            block = _Mixed(channels, pooling, branches)
            self.add_module(name, block)
            channels = block.n_outputs
        self.fc = nn.Linear(channels, _N_CLASSES)  # not used, but in every file of weights

    def forward(self, images: Tensor) -> Tensor:
        """Return features (n, 2048) of images (n, 3, 299, 299) in [-1, 1]."""
        maps = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        maps = functional.max_pool2d(maps, 3, 2)
        maps = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(maps))
        maps = functional.max_pool2d(maps, 3, 2)
        for name in _BLOCKS:
            maps = self.get_submodule(name)(maps)
        features: Tensor = maps.mean(dim=(2, 3))
        return features


class _Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU; a stride of 1 keeps the size unless it is not ``padded``."""

    def __init__(
        self, n_inputs: int, n_outputs: int, height: int, width: int, stride: int = 1, *, padded: bool = True
    ) -> None:
        super().__init__()
        padding = (height // 2, width // 2) if padded and stride == 1 else 0
        self.conv = nn.Conv2d(n_inputs, n_outputs, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(n_outputs, eps=_EPSILON)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(maps)), inplace=True)


class _Mixed(nn.Module):
    """Branches side by side, their outputs joined."""

    def __init__(self, n_inputs: int, pooling: str, branches: list[list[_Step]]) -> None:
        super().__init__()
        self.pooling = pooling
        self.branches = [[tuple(step) for step in branch] for branch in branches]
        self.n_outputs = 0
        for branch in branches:
            channels = n_inputs
            for step in branch:
                for name, (n_maps, height, width, *stride) in step.items():
                    self.add_module(name, _Convolution(channels, n_maps, height, width, *stride))
                channels = sum(n_maps for n_maps, *_ in step.values())
            self.n_outputs += channels

    def forward(self, maps: Tensor) -> Tensor:
        outputs = []
        for branch in self.branches:
            output = self._pooled(maps) if branch is self.branches[-1] else maps
            for names in branch:
                output = torch.cat([self.get_submodule(name)(output) for name in names], dim=1)
            outputs.append(output)
        return torch.cat(outputs, dim=1)

    def _pooled(self, maps: Tensor) -> Tensor:
        if self.pooling == "halve":
            return functional.max_pool2d(maps, 3, 2)
        if self.pooling == "max":
            return functional.max_pool2d(maps, 3, 1, padding=1)
        return functional.avg_pool2d(maps, 3, 1, padding=1, count_include_pad=False)


def load(state: Any, path: Any) -> InceptionNetwork:
    """Return the network with the weights of ``state``, read from ``path``, in evaluation mode.

    Raises
    ------
    FileFormatError
        If these are not this network's weights: the message names the first key or shape that is wrong.
    """
    with torch.device("meta"):  # no weights are drawn: torch's generator stays where it is
        network = InceptionNetwork()
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    counters = {name for name in expected if name.endswith(_COUNTER)}
    _check_state(state, {name: shape for name, shape in expected.items() if name not in counters}, path)
    weights = {name: state[name].float() for name in expected if name not in counters}
    network.load_state_dict(weights | {name: torch.tensor(0) for name in counters}, assign=True)
    network.eval().requires_grad_(requires_grad=False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _check_state(state: Any, expected: Mapping[str, tuple[int, ...]], path: Any) -> None:
    remedy = f"pass pytorch-fid's {FILE}"
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise FileFormatError(
            f"{path} must hold a state dict, names with tensors; got {type(state).__name__}: {remedy}"
        )
    missing = [name for name in expected if name not in state]
    unexpected = [str(name) for name in state if name not in expected and not str(name).endswith(_COUNTER)]
    if missing or unexpected:
        faults = [f"lacks {_first(missing)}"] if missing else []
        faults += [f"has {_first(unexpected)}, which does not belong there"] if unexpected else []
        raise FileFormatError(f"{path} is no FID Inception network: it {' and '.join(faults)}: {remedy}")
    for name, shape in expected.items():
        if tuple(state[name].shape) != shape:
            raise FileFormatError(
                f"{path} is no FID Inception network: {name} must have shape {shape}; "
                f"got {tuple(state[name].shape)}: {remedy}"
            )


def _first(names: Collection[str]) -> str:
    shown = ", ".join(itertools.islice(names, 2))
    return shown if len(names) <= 2 else f"{shown} and {len(names) - 2} more"
