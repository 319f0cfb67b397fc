"""Commands that are killed or interrupted: what they write over stays whole, and what they began goes on to its end."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path

import numpy as np
from children import READY, ended, judge, start
from counts import Counts, run

import vicinal

MODEL = """
class Model:
    def encode(self, images): return images.reshape(len(images), -1)[:, :8]
    def decode(self, latents): return latents.repeat(8, axis=1).reshape(-1, 1, 8, 8)
model = Model()
"""
STUDY = """
title = "Small"
metrics = ["frechet_distance", "nn_ratio"]
n_samples = 60
max_searched = 50
data = { name = "digits" }
features = { name = "pixels" }
training = { latent_dim = 2, width = 4, n_epochs = 1, batch_size = 500 }
autoencoders = { AE = { objective = "ae" } }
samplers = { PMF = { sampler = "PMFSampler", n_bins = 8 }, Gaussian = { sampler = "GaussianSampler" } }
saved = { pmf = "PMF" }
"""
OVER = {  # what they write, and the commands
    "s.safetensors": ("fit", "latents.npy", "-o", "s.safetensors", "--force", "--seed", "0"),
    "z.npy": ("sample", "p.safetensors", "-n", "4000000", "-o", "z.npy", "--force"),
    "z.csv": ("sample", "p.safetensors", "-n", "200000", "-o", "z.csv", "--force"),
    "codes.npy": ("encode", "model:model", "images.npy", "-o", "codes.npy", "--force"),
    "decoded.npy": ("decode", "model:model", "latents.npy", "-o", "decoded.npy", "--force"),
    "made.npy": ("generate", "model:model", "p.safetensors", "-n", "100000", "-o", "made.npy", "--force"),
    "scores.csv": ("evaluate", "codes.npy", "latents.npy", "-o", "scores.csv", "--force"),
    "statistics.npz": ("statistics", "images.npy", "--features", "pixels", "-o", "statistics.npz", "--force"),
}
ON = {  # commands that go on in a folder, and what must be the same at the end
    ("train", "--epochs", "3", "--latent-dim", "2", "--width", "2", "--batch-size", "600", "--out"): [
        "autoencoder.safetensors",
        "latents.npy",
    ],
    ("benchmark", "study.toml", "--out"): ["models/ae-0.safetensors", "saved/ae-pmf.safetensors"],
}
TIMES = {False: 1, True: 8}  # that each command is killed, and that each is interrupted


def write_files(folder):
    """Write what the commands read."""
    random = np.random.default_rng(0)
    latents = random.normal(size=(4000, 8)).astype(np.float32)
    np.save(folder / "latents.npy", latents)
    vicinal.PMFSampler(16, random_state=0).fit(latents).save(folder / "p.safetensors")
    np.save(folder / "images.npy", random.random((4000, 1, 8, 8)).astype(np.float32))
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")


def stop(counts, arguments, folder, number, after):
    """Send a signal to a command once some seconds have passed since it was ready; judge how it ends."""
    child = start(READY, *arguments, cwd=folder)
    child.stdout.readline()
    time.sleep(after)
    child.send_signal(number)
    end = ended(child)
    if end[0] == -signal.SIGINT and "wrote" in end[1]:  # Python was ending, after the last line of the command
        counts.tried += 1
    elif number == signal.SIGINT:
        judge(counts, f"SIGINT to {arguments[0]} after {after:.2f} s", end, [0, 130])
    elif end[0] not in (0, -signal.SIGKILL):
        counts.fault("foreign", f"{arguments[0]}, killed after {after:.2f} s: {end}")


def timed(counts, arguments, folder):
    """Run a command to its end, which must be good; return its seconds."""
    child = start(READY, *arguments, cwd=folder)
    child.stdout.readline()
    begin = time.monotonic()
    judge(counts, " ".join(arguments), ended(child), [0])
    return time.monotonic() - begin


def attack_over(folder, full, counts, random):
    """Stop commands that write over a file: the same command writes the same bytes, so these must be there."""
    for name, arguments in list(OVER.items())[: None if full else 1]:
        longest = timed(counts, arguments, folder)
        good = (folder / name).read_bytes()
        for i in range(2 * TIMES[full]):
            number = (signal.SIGKILL, signal.SIGINT)[i % 2]
            stop(counts, arguments, folder, number, random.random() * longest)
            counts.tried += 1
            if (folder / name).read_bytes() != good:
                counts.fault("silent", f"{arguments[0]}, signal {number}: {name} changed")


def attack_on(folder, counts, random):
    """Stop commands that can go on: the same command, once more, ends with the same bytes."""
    for arguments, names in ON.items():
        longest = timed(counts, (*arguments, "whole"), folder)
        good = [(folder / "whole" / name).read_bytes() for name in names]
        for i in range(2 * TIMES[True]):
            out = folder / f"{arguments[0]}{i}"
            stop(
                counts,
                (*arguments, str(out)),
                folder,
                (signal.SIGKILL, signal.SIGINT)[i % 2],
                random.random() * longest,
            )
            more = ["--resume", "--force"] if arguments[0] == "train" else []
            timed(counts, (*arguments, str(out), *more), folder)
            if [(out / name).read_bytes() for name in names] != good:
                counts.fault("silent", f"{arguments[0]} that goes on, {i}: another result than without a stop")


def attack(full):
    """Attack in a folder of its own."""
    counts, random = Counts(), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        attack_over(folder, full, counts, random)
        if full:
            attack_on(folder, counts, random)
        if left := list(folder.rglob("*.tmp")):
            counts.fault("silent", f"temporary files are left: {left[:3]}")
    return counts


if __name__ == "__main__":
    run(attack)
