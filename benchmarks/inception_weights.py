"""Weights of the Inception network where the published ones are not at hand: for times, and for tests.

They are a function of names and shapes alone, so any implementation can be given them. They are scaled so that
activations neither vanish nor grow.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from vicinal.metrics.features.inception import shapes


def random_weights() -> dict[str, Any]:
    """Return random tensors by their names, in the layout of pytorch-fid's file."""
    import torch

    state = {}
    for name, shape in shapes().items():
        draws = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, dtype=np.float32)
        if len(shape) > 1:
            draws *= np.float32(np.sqrt(2 / np.prod(shape[1:])))
        elif name.endswith(("bn.weight", "running_var")):
            draws = np.abs(draws) * np.float32(0.1) + np.float32(0.9)
        else:
            draws *= np.float32(0.1)
        state[name] = torch.from_numpy(draws)
    return state
