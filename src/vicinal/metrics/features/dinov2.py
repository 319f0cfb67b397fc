"""Features of DINOv2 networks: the class token behind the last layer normalisation, as dgm-eval takes it.

::

    images (n, 3, H, W) -> 224 x 224 -> patches of 14 x 14 -> transformer -> class token, normalised -> (n, n_features)

The networks were trained at 518 pixels, with 37 x 37 position embeddings. At 224 pixels there are 16 x 16 patches.
Their positions are interpolated as in the code of DINOv2: by the scale (16 + 0.1) / 37. transformers takes 16 / 37.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vicinal._errors import FileFormatError
from vicinal.metrics.features.hub import HubFeatures

if TYPE_CHECKING:
    from torch import Tensor

OFFSET = 0.1  # of the code of DINOv2, added to the number of patches
VIT_L14 = {  # the network between whose features the distance is FD-DINOv2
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "image_size": 518,
    "mlp_ratio": 4,
    "use_swiglu_ffn": False,
}


class DINOv2Features(HubFeatures):
    """Features of a DINOv2 network: those of FD-DINOv2, if it is ViT-L/14.

    Images are resized, normalised and embedded as in dgm-eval: to 224 x 224 in 8 bits (bicubic, antialiased), by the
    mean and the standard deviation of ImageNet, and by the class token behind the last layer normalisation.

    Parameters
    ----------
    weights, batch_size, device
        See `vicinal.metrics.features.hub.HubFeatures`, as for the errors. The default is downloaded once: 1.2 GB.

    Attributes
    ----------
    image_size : int
        224.
    frechet_name : str
        ``"FD-DINOv2"`` if the network has the shape of ViT-L/14. Its weights are not compared with the published ones.

    Notes
    -----
    ``interpolate`` of torch resizes in 8 bits on the CPU, as Pillow does: fewer than 2 % of the values of random images
    differ, by one or two levels. ``--clean_resize`` of dgm-eval, which is off by default, rounds nothing.

    References
    ----------
    M. Oquab et al., "DINOv2: learning robust visual features without supervision", 2023, arXiv:2304.07193.
    G. Stein et al., "Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion
    models", 2023, arXiv:2306.04675, with github.com/layer6ai-labs/dgm-eval.

    Examples
    --------
    >>> features = DINOv2Features("folder/of/dinov2-large", device="cuda")  # doctest: +SKIP
    >>> features.frechet_name  # doctest: +SKIP
    'FD-DINOv2'
    """

    image_size = 224
    _class = "Dinov2Model"
    _model_types = ("dinov2",)
    _default = "facebook/dinov2-large"
    _mean = (0.485, 0.456, 0.406)
    _deviation = (0.229, 0.224, 0.225)

    def __init__(self, weights: str | os.PathLike[str] = _default, *, batch_size: int = 32, device: Any = None) -> None:
        super().__init__(weights, batch_size, device)
        config = self._network.config
        self._check(config)
        positions = self._network.embeddings.position_embeddings
        positions.data = resized_positions(positions.data, self.image_size // config.patch_size)
        self.name = self._label("DINOv2", weights)
        if all(getattr(config, name) == value for name, value in VIT_L14.items()):
            self.frechet_name = "FD-DINOv2"

    def _check(self, config: Any) -> None:
        if self.image_size % config.patch_size or config.num_channels != 3 or not config.apply_layernorm:
            raise FileFormatError(
                f"weights must be of a network of RGB images in patches whose side divides {self.image_size}, with a "
                f"layer normalisation last; got {config.num_channels} channels, patches of {config.patch_size}, "
                f"apply_layernorm={config.apply_layernorm}"
            )


def resized_positions(positions: Tensor, n_patches: int) -> Tensor:
    """Return position embeddings (1, 1 + m * m, d), the class token's first, as (1, 1 + n_patches**2, d)."""
    import torch
    from torch.nn.functional import interpolate

    side = round((positions.shape[1] - 1) ** 0.5)
    if side == n_patches:
        return positions
    grid = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = (n_patches + OFFSET) / side
    grid = interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat((positions[:, :1], grid.flatten(2).transpose(1, 2)), dim=1)
