"""Vision transformers of the transformers library: how their folders are found, checked and loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, import_extra
from vicinal.metrics.features.extractor import RgbFeatures, sum_of_file

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, TENSORS = "config.json", "model.safetensors"


class HubFeatures(RgbFeatures):
    """Base of the vision transformers; a folder or a name on the Hugging Face hub gives the network.

    Levels become RGB, are resized in 8 bits to ``image_size`` squared (bicubic, antialiased), as dgm-eval does, and
    normalised by the mean and the standard deviation of each channel.

    Parameters
    ----------
    weights : path_like or str
        A folder with ``config.json`` and ``model.safetensors``, as ``save_pretrained`` of transformers writes it, or
        this ``model.safetensors``. Else a name on the Hugging Face hub, downloaded once. Nothing is unpickled, and no
        code of theirs is run.
    batch_size : int
        Images in one go.
    device : str or torch.device, optional
        Where to run; None is the CPU.

    Attributes
    ----------
    image_size : int
        Side that images are resized to.

    Raises
    ------
    MissingExtraError
        If torch or transformers is not installed.
    FileFormatError
        If the folder lacks a file, or the files are damaged or of another network.
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used, and for a name that cannot be downloaded; on a call, for images that have
        neither 1 nor 3 channels.
    """

    image_size: int
    _class: ClassVar[str]  # of transformers
    _model_types: ClassVar[tuple[str, ...]]  # in the configuration
    _default: ClassVar[str]  # name on the hub
    _mean: ClassVar[tuple[float, float, float]]
    _deviation: ClassVar[tuple[float, float, float]]

    def __init__(self, weights: str | os.PathLike[str], batch_size: int, device: Any) -> None:
        import_extra("torch", "features-hub")
        transformers = import_extra("transformers", "features-hub")
        super().__init__(batch_size, device)
        folder = _folder(weights, self._default)
        _check_config(folder / CONFIG, self._model_types)
        self._sums = {name: sum_of_file(folder / name) for name in (CONFIG, TENSORS)}
        self._network = _loaded(getattr(transformers, self._class), folder).to(self._device)

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return self._fingerprint(image_size=self.image_size, config=self._sums[CONFIG], sha256=self._sums[TENSORS])

    def _label(self, kind: str, weights: str | os.PathLike[str]) -> str:
        path = Path(weights).absolute()
        return f"{kind} ({path.parent.name if path.name == TENSORS else path.name})"

    def _batch(self, levels: Array) -> Array:
        import torch

        with torch.inference_mode():
            images = resized(torch.from_numpy(np.array(levels)), self.image_size)
            images = images.to(self._device).float() / 255.0
            mean, deviation = (torch.tensor(each, device=self._device) for each in (self._mean, self._deviation))
            features: Array = self._forward((images - mean[:, None, None]) / deviation[:, None, None]).cpu().numpy()
        return features

    def _forward(self, images: Any) -> Any:
        return self._network(pixel_values=images).pooler_output


def resized(levels: Tensor, side: int) -> Tensor:
    """Return levels (n, 3, H, W), on the CPU, as (n, 3, side, side): bicubic, antialiased, as Pillow does it.

    Of 8 bits, like Pillow, and unlike arithmetic of floats, this clips and rounds after each of its two passes. Floats,
    which were resized already, are clipped.
    """
    from torch.nn.functional import interpolate

    return interpolate(levels, (side, side), mode="bicubic", antialias=True).clamp(0, 255)


def _folder(weights: str | os.PathLike[str], default: str) -> Path:
    """Return the folder of a network: a local one, or what the hub has under a name."""
    path, wanted = Path(weights), f"a folder that holds {CONFIG} and {TENSORS}"
    if path.is_file():
        if path.name != TENSORS:
            raise InvalidInputError(f"weights must be {wanted}, or that {TENSORS}; got the file {path}")
        return path.parent
    if path.is_dir():
        return path
    hub = import_extra("huggingface_hub", "features-hub")
    try:
        return Path(hub.snapshot_download(os.fspath(weights), allow_patterns=[CONFIG, TENSORS]))
    except ValueError:
        raise InvalidInputError(
            f"weights must be {wanted}, or a name on huggingface.co such as {default}; got {weights}, which is neither"
        ) from None
    except OSError as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInputError(
            f"weights must be {wanted}, or a name on huggingface.co; there is no folder {weights} here, and nothing of "
            f"this name could be downloaded ({reason}). To do without a network, run elsewhere: "
            f"hf download {weights} {CONFIG} {TENSORS} --local-dir DIR, then copy DIR here and pass it as weights"
        ) from None


def _check_config(path: Path, model_types: tuple[str, ...]) -> None:
    """Raise FileFormatError if there is no network of these types, with its tensors, in a folder."""
    missing = [each.name for each in (path, path.with_name(TENSORS)) if not each.is_file()]
    if missing:
        raise FileFormatError(
            f"{path.parent} lacks {' and '.join(missing)}; it must be a folder as save_pretrained of transformers "
            "writes it, its tensors in one file of safetensors: others are never read"
        )
    try:
        found = json.loads(path.read_bytes())["model_type"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FileFormatError(f"{path} is no configuration of a network: it names no model_type") from None
    if found not in model_types:
        raise FileFormatError(f"{path} must have the model_type {' or '.join(model_types)}; got {found!r}")


def _loaded(kind: Any, folder: Path) -> Any:
    """Return a network, in evaluation mode and float32; weights that are missing are never made up."""
    import torch
    from safetensors import SafetensorError

    try:
        with _quiet():
            network, found = kind.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise FileFormatError(f"{folder} holds no whole network ({reason}): fetch it again") from None
    missing = sorted(found["missing_keys"])
    if missing:
        raise FileFormatError(
            f"{folder / TENSORS} lacks {missing[0]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
        )
    return network.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from showing a bar and a table of unused weights."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
