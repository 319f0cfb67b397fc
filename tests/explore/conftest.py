"""A small model whose latents are half of its pixels, so that every picture says which latent it shows."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from vicinal import Autoencoder, LocalSampler, PMFSampler
from vicinal.samplers import GMMSampler


@pytest.fixture(scope="session")
def model():
    return Autoencoder(lambda images: images.reshape(-1, 4) / 2, lambda latents: latents.reshape(-1, 1, 2, 2) * 2)


@pytest.fixture(scope="session")
def images():
    """Images of two classes, which are dark and bright."""
    rng = np.random.default_rng(0)
    dark, bright = rng.uniform(0.0, 0.45, (150, 1, 2, 2)), rng.uniform(0.55, 1.0, (150, 1, 2, 2))
    return np.concatenate([dark, bright])[rng.permutation(300)].astype(np.float32)


@pytest.fixture(scope="session")
def labels(images):
    return np.where(images.mean(axis=(1, 2, 3)) < 0.5, "dark", "bright")


@pytest.fixture(scope="session")
def samplers(model, images, labels):
    latents = model.encode(images)
    return {
        "local": LocalSampler(15, scale=1.0, random_state=0).fit(latents, labels),
        "pmf": PMFSampler(4, random_state=0).fit(latents, labels),
        "gmm": GMMSampler(2, random_state=0).fit(latents),
    }


@pytest.fixture(scope="package")
def running(tmp_path_factory, images, labels, samplers):
    """Return the address of ``vicinal explore``, in a folder of its own; its process takes 10 s to start."""
    pytest.importorskip("gradio", reason="gradio is not installed: it is the extra explore")
    folder = tmp_path_factory.mktemp("explored")
    (folder / "toy.py").write_text(
        "import vicinal\n"
        "halves = lambda images: images.reshape(-1, 4) / 2\n"
        "doubles = lambda latents: latents.reshape(-1, 1, 2, 2) * 2\n"
        "model = vicinal.Autoencoder(halves, doubles)\n"
    )
    (folder / "secret.txt").write_text("a secret of this machine")
    np.save(folder / "images.npy", images)
    np.save(folder / "images.labels.npy", labels)
    for name, sampler in samplers.items():
        sampler.save(folder / f"{name}.safetensors")
    temporary = tmp_path_factory.mktemp("temporary")
    names = [f"{name}.safetensors" for name in samplers]
    command = [sys.executable, "-m", "vicinal.cli", "explore", "toy:model", *names, "--images", "images.npy"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--port", "0"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        text=True,
        stdout=subprocess.PIPE,
    )
    address = process.stdout.readline().split()[1]
    for _ in range(600):
        try:
            urllib.request.urlopen(address).close()  # noqa: S310 - an address of ours
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    yield address, folder
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stdout.close()
    left = [path for path in temporary.rglob("*") if path.suffix in (".png", ".zip", ".npy")]
    assert left == [], "pictures of training data must not outlive the server"
