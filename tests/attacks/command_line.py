"""Wrong files, closed pipes and bare environments: every command ends with one line, never with a traceback."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
from children import READY, command, ended, judge, start
from counts import Counts, run

import vicinal

COMMANDS = [
    ("fit", "{}", "-o", "new.safetensors", "--force"),
    ("info", "{}"),
    ("sample", "{}", "-n", "3", "-o", "z.npy", "--force"),
    ("generate", "{}", "sampler.safetensors", "-n", "2", "-o", "sheet.png", "--force"),
    ("generate", "{}", "{}", "-n", "2", "-o", "sheet.png", "--force"),
    ("encode", "{}", "{}", "-o", "z.npy", "--force"),
    ("decode", "{}", "latents.npy", "-o", "z.npy", "--force"),
    ("evaluate", "{}", "{}", "-o", "scores.md", "--force"),
    ("evaluate", "latents.npy", "{}", "--train", "{}"),
    ("statistics", "{}", "-o", "train.npz", "--force"),
    ("cache", "{}"),
    ("benchmark", "{}", "--out", "study"),
    ("train", "--dataset", "folder", "--data-dir", "{}", "--out", "run", "--epochs", "1"),
]
ENVIRONMENTS = {
    "no colour": {"NO_COLOR": "1"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": None},
    "ascii": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None},
    "HOME is nowhere": {"HOME": "/nonexistent"},
    "no terminal": {"TERM": "dumb", "COLUMNS": "1"},
    "no compiler": {"NUMBA_DISABLE_JIT": "1"},
}


def write_files(folder):
    """Write good, wrong and odd files, and return their names."""
    latents = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    np.save(folder / "latents.npy", latents)
    vicinal.PMFSampler(4, random_state=0).fit(latents).save(folder / "sampler.safetensors")
    np.save(folder / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.save(folder / "text.npy", np.array(["a", "b"]))
    np.save(folder / "nan.npy", latents * np.nan)
    np.save(folder / "none.npy", latents[:0])
    np.save(folder / "größe 空 'x' \n[red].npy", latents)
    whole = (folder / "sampler.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[:-40])
    for suffix in ("npy", "npz", "safetensors", "csv", "pt", "h5", "parquet", "toml", "zip", "png", "txt", ""):
        (folder / f"noise.{suffix}".rstrip(".")).write_bytes(bytes(range(256)) * 2)
        (folder / f"empty.{suffix}".rstrip(".")).touch()
    (folder / "folder").mkdir()
    (folder / "dangling.npy").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    names = sorted(path.name for path in folder.iterdir())
    return [*names, "absent.npy", "-", "", ".", "/dev/null", "x" * 300, "hf://", "a\udcffb.npy"]


def attack_files(folder, full, counts):
    """Give every command every file."""
    pairs = list(itertools.product(COMMANDS, write_files(folder)))
    for arguments, name in pairs if full else pairs[:: len(pairs) // 5]:
        filled = [each.format(name) for each in arguments]
        judge(counts, f"{filled}", command(*filled, cwd=folder), [0, 1, 2])


def attack_environments(folder, full, counts):
    """Run commands in bare environments, and with names that they cannot show."""
    calls = [
        ("sample", "sampler.safetensors", "-n", "2"),
        ("info", "sampler.safetensors"),
        ("fit", "größe 空 'x' \n[red].npy", "-o", "ü.safetensors", "--force", "--sampler", "PMF", "--n-bins", "4"),
        ("evaluate", "latents.npy", "latents.npy"),
        ("--help",),
        ("info", "絵.npy"),
    ]
    for (what, environment), call in itertools.product(ENVIRONMENTS.items(), calls):
        if full or call[0] == "info":
            judge(counts, f"{what}: {call}", command(*call, cwd=folder, **environment), [0, 2])


def attack_outputs(folder, full, counts):
    """Close the output before or while a command writes to it."""
    calls = [("info", "sampler.safetensors"), ("sample", "sampler.safetensors", "-n", "200000"), ("--help",)]
    for call in calls if full else calls[1:2]:
        child = start(READY, *call, cwd=folder)
        child.stdout.readline()
        child.stdout.close()
        child.stdout = None
        judge(counts, f"a broken pipe: {call}", ended(child), [0, 1, 2, 141, 120])
        closed = f"import os\nos.close(1)\n{READY.replace('print', 'id')}".replace(", flush=True", "")
        judge(counts, f"closed output: {call}", ended(start(closed, *call, cwd=folder)), [0, 1, 2])
        if Path("/dev/full").exists():
            with open("/dev/full", "wb") as full_disk:  # noqa: PTH123
                child = start("from vicinal import cli; cli.main()", *call, cwd=folder, stdout=full_disk)
            judge(counts, f"a full output: {call}", ended(child), [0, 1, 2])


def attack(full):
    """Attack in a folder of its own."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as name:
        attack_files(Path(name), full, counts)
        attack_environments(Path(name), full, counts)
        attack_outputs(Path(name), full, counts)
    return counts


if __name__ == "__main__":
    run(attack)
