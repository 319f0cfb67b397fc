"""Run the examples of docs/containers.md for models and files of all kinds, and write the table of their lines.

python benchmarks/pages/journeys.py    # seconds; needs the extras torch, io, diffusers and pythae
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from containers import command
from pages import DOCS, fill, table
from sklearn.decomposition import PCA

import vicinal
from vicinal import array_files
from vicinal._errors import import_extra

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 3, 16, 16), dtype=np.uint8)
EMBEDDINGS = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
STEPS = re.compile(
    r"\.(encode|fit|generate|sample)\(|^vicinal (encode|fit|generate|sample) "
)  # everything else is glue


class Flat(torch.nn.Module):
    """An encoder and a decoder of flat images."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 8))
        self.decoder = torch.nn.Sequential(torch.nn.Linear(8, 768), torch.nn.Unflatten(1, (3, 16, 16)))


class Plain(Flat):
    """A module with the two methods."""

    def encode(self, images: Any) -> Any:
        """Return latents."""
        return self.encoder(images)

    def decode(self, latents: Any) -> Any:
        """Return images."""
        return self.decoder(latents)


class Variational(Plain):
    """A module that returns means and log variances."""

    def encode(self, images: Any) -> Any:
        """Return two tensors."""
        return self.encoder(images), torch.zeros(len(images), 8)


class Trained(Flat):
    """A module as Lightning trains it."""

    def forward(self, images: Any) -> Any:
        """Return reconstructions."""
        return self.decoder(self.encoder(images))

    def training_step(self, batch: Any, _: int) -> Any:
        """Return the loss."""
        return torch.nn.functional.mse_loss(self(batch), batch)


def of_pythae() -> Any:
    """Return a model of pythae."""
    models = import_extra("pythae.models", "pythae")
    return models.VAE(models.VAEConfig(input_dim=(3, 16, 16), latent_dim=8))


def of_diffusers() -> Any:
    """Return a small model of diffusers."""
    return import_extra("diffusers", "diffusers").AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 8),
        norm_num_groups=2,
    )


def embeddings(suffix: str) -> dict[str, Any]:
    """Return the path of a file of embeddings."""
    array_files.write(path := f"embeddings{suffix}", EMBEDDINGS)
    return {"path": path}


def cells() -> dict[str, Any]:
    """Write a file of two embeddings, as AnnData does."""
    with h5py.File("cells.h5ad", "w") as file:
        file["obsm/X_pca"], file["obsm/X_umap"] = EMBEDDINGS, EMBEDDINGS[:, :2]
    return {}


def folder() -> dict[str, Any]:
    """Write images, and have a module with the model."""
    sys.modules["mymodel"] = types.ModuleType("mymodel")
    sys.modules["mymodel"].model = Plain()  # type: ignore[attr-defined]
    np.save("images.npy", IMAGES)
    return {}


class Journey(NamedTuple):
    """The heading of an example, and what gives the names in it."""

    heading: str
    given: Callable[[], dict[str, Any]]


def with_model(make: Callable[[], Any]) -> Callable[[], dict[str, Any]]:
    """Return what gives a model and images."""
    return lambda: {"model": make(), "images": IMAGES}


JOURNEYS = {
    "torch module with `encode` and `decode`": Journey("Your model", with_model(Plain)),
    "variational module that returns `(mu, logvar)`": Journey("Your model", with_model(Variational)),
    "Lightning's kind of module: `encoder` and `decoder`": Journey("Your model", with_model(Trained)),
    "model of pythae": Journey("Your model", with_model(of_pythae)),
    "PCA of scikit-learn, flat images": Journey(
        "Your model",
        lambda: {"model": PCA(8).fit(IMAGES.reshape(200, -1) / 255), "images": IMAGES.reshape(200, -1) / 255},
    ),
    "AutoencoderKL of diffusers": Journey("A model of diffusers", with_model(of_diffusers)),
    "embeddings in `.npy`": Journey("Embeddings", lambda: embeddings(".npy")),
    "embeddings in `.parquet`": Journey("Embeddings", lambda: embeddings(".parquet")),
    "embeddings in `.h5ad` of AnnData": Journey("Embeddings of AnnData", cells),
    "command line, your module": Journey("The command line", folder),
    "command line, `.h5ad`": Journey("The command line, AnnData", cells),
}


def main() -> None:
    """Run all journeys, and fill the marked part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "containers.md", help="with the marks")
    page = parser.parse_args().page.absolute()
    examples = read_examples((DOCS / "containers.md").read_text("utf-8"))
    rows = []
    for name, (heading, given) in JOURNEYS.items():
        lines = examples[heading]
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, and that (mu, logvar) is ambiguous
            travel(name, lines, given())
            sys.modules.pop("mymodel", None)
        rows.append([name, str(len(lines)), str(sum(STEPS.search(line) is None for line in lines))])
    fill(page, "journeys", table(["from your model or file to new ones", "lines", "of which glue"], rows))


def read_examples(text: str) -> dict[str, list[str]]:
    """Return the lines of the first example below each heading, without imports of vicinal."""
    found = re.findall(r"^### (.+?)\n+```\w+\n(.*?)```", text, re.S | re.M)
    return {name: [line for line in block.splitlines() if line and "import" not in line] for name, block in found}


def travel(name: str, lines: list[str], names: dict[str, Any]) -> None:
    """Run an example; raise RuntimeError if nothing new comes out."""
    if lines[0].startswith("vicinal "):
        for line in lines:
            command(line.removeprefix("vicinal "))
        new = array_files.read("new.npy")
    else:
        names |= {"vicinal": vicinal, "array_files": array_files}
        exec("\n".join(lines), names)  # noqa: S102 - our own page
        new = np.asarray(names["new"])
    shapes = (IMAGES.shape[1:], (768,), EMBEDDINGS.shape[1:])
    if new.shape[1:] not in shapes or len(np.unique(new.reshape(len(new), -1), axis=0)) < len(new):
        raise RuntimeError(f"{name} gives {new.shape}")


if __name__ == "__main__":
    main()
