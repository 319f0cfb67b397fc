"""Autoencoders that other libraries saved as a folder: diffusers and pythae. Nothing is unpickled."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

from vicinal._errors import FileFormatError, InvalidInputError, import_extra
from vicinal.autoencoders import Autoencoder

_OWN = "pass module:function, a function of yours that builds the model and loads its weights"


def from_folder(folder: Path) -> Autoencoder:
    """Return the autoencoder in a folder that ``save_pretrained`` of diffusers or ``save`` of pythae wrote.

    Of a pipeline of diffusers, it is the one in its sub-folder ``vae`` or ``vqvae``.

    Raises
    ------
    InvalidInputError
        For other folders, and for models of pythae with an architecture that is kept as a pickle.
    FileFormatError
        If a file is damaged, or holds more than weights.
    MissingExtraError
        If the library is not installed.
    """
    if (folder / "model_index.json").exists():
        folder = next((folder / name for name in ("vae", "vqvae") if (folder / name).is_dir()), folder)
    if (folder / "model_config.json").exists():
        return _pythae(folder)
    if "_class_name" in _json(folder / "config.json"):
        return _diffusers(folder)
    raise InvalidInputError(
        f"{folder} must be a folder that save_pretrained of diffusers or save of pythae wrote, with config.json or "
        f"model_config.json; it has neither: {_OWN}"
    )


def _json(path: Path) -> dict[str, Any]:
    """Return the settings in a file; none if there is no such file."""
    try:
        found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except ValueError as error:
        raise FileFormatError(f"{path} is no JSON file ({error}): save the model again") from None
    return found if isinstance(found, dict) else {}


def _diffusers(folder: Path) -> Autoencoder:
    diffusers, name = import_extra("diffusers", "diffusers"), _json(folder / "config.json")["_class_name"]
    kind = getattr(diffusers, name, None) if name.startswith(("Autoencoder", "VQModel")) else None
    if kind is None:
        raise InvalidInputError(f"{folder} must hold an autoencoder of diffusers; got a {name}: name its vae")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the library, about itself
            model = kind.from_pretrained(
                str(folder), use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False
            )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise FileFormatError(f"{folder} holds no whole {name} with safetensors weights ({reason})") from None
    return Autoencoder.from_diffusers(model.eval())


def _pythae(folder: Path) -> Autoencoder:
    pickles = [path.name for path in sorted(folder.glob("*.pkl"))]
    if pickles:
        raise InvalidInputError(
            f"{folder} keeps the architecture of its model as {' and '.join(pickles)}, which is never unpickled: {_OWN}"
        )
    models, torch = import_extra("pythae.models", "pythae"), import_extra("torch", "torch")
    name = str(_json(folder / "model_config.json").get("name", "")).removesuffix("Config")
    kind, config = getattr(models, name, None), getattr(models, f"{name}Config", None)
    if kind is None or config is None:
        raise InvalidInputError(f"{folder} must hold a model of pythae; got one called {name!r}: {_OWN}")
    model = kind(config.from_json_file(str(folder / "model_config.json")))
    try:
        state = torch.load(folder / "model.pt", weights_only=True, map_location="cpu")["model_state_dict"]
        model.load_state_dict(state)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
        reason = "it holds more than weights" if isinstance(error, pickle.UnpicklingError) else str(error)
        raise FileFormatError(
            f"{folder / 'model.pt'} does not hold the weights of {name} ({reason.partition(chr(10))[0]}): {_OWN}"
        ) from None
    return Autoencoder.from_pythae(model.eval())
