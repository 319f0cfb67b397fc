"""A model and its samplers, to look at while they run: ``vicinal explore``.

==========  ==========================================================================
`training`  the latents that a sampler was fitted to, and the images that they are of
`studio`    what is shown: samples, what is nearest to them, refits, paths; no widgets
`pictures`  cards, the map and a folder of PNG files, as arrays and bytes
`app`       widgets and what they call; needs gradio
`server`    the address on this machine, and what it refuses
==========  ==========================================================================
"""

from vicinal.explore.server import serve
from vicinal.explore.studio import Studio

__all__ = ["Studio", "serve"]
