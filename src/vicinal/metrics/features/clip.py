"""Features of the image networks of CLIP, as dgm-eval takes them.

The class token behind the last layer normalisation, before the projection to the space that images and texts share.
"""

from __future__ import annotations

import os
from typing import Any

from vicinal._errors import FileFormatError
from vicinal.metrics.features.hub import HubFeatures


class CLIPFeatures(HubFeatures):
    """Features of the image network of CLIP, as dgm-eval takes them: 1024 of ViT-L/14.

    Images are resized in 8 bits to the size of the network (bicubic, antialiased), and normalised by CLIP's own mean
    and standard deviation. The features are the class token behind the last layer normalisation. They are not projected
    to the space that images and texts share.

    Parameters
    ----------
    weights, batch_size, device
        See `vicinal.metrics.features.hub.HubFeatures`, as for the errors. The default is downloaded once: 1.7 GB. Of a
        whole CLIP, the text network is left out.

    Attributes
    ----------
    image_size : int
        Side that images are resized to: 224, or that of the network.

    Notes
    -----
    dgm-eval uses the weights that DataComp trained, and others use those of OpenAI, the default here. Distances between
    features of different weights cannot be compared.

    References
    ----------
    A. Radford et al., "Learning transferable visual models from natural language supervision", 2021, arXiv:2103.00020.
    G. Stein et al., "Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion
    models", 2023, arXiv:2306.04675, with github.com/layer6ai-labs/dgm-eval.

    Examples
    --------
    >>> features = CLIPFeatures("folder/of/clip-vit-large-patch14", device="cuda")  # doctest: +SKIP
    >>> features.image_size  # doctest: +SKIP
    224
    """

    _class = "CLIPVisionModel"
    _model_types = ("clip", "clip_vision_model")
    _default = "openai/clip-vit-large-patch14"
    _mean = (0.48145466, 0.4578275, 0.40821073)
    _deviation = (0.26862954, 0.26130258, 0.27577711)

    def __init__(self, weights: str | os.PathLike[str] = _default, *, batch_size: int = 32, device: Any = None) -> None:
        super().__init__(weights, batch_size, device)
        config = self._network.config
        if config.num_channels != 3:
            raise FileFormatError(f"weights must be of a network of RGB images; got {config.num_channels} channels")
        self.image_size = int(config.image_size)
        self.name = self._label("CLIP", weights)
