"""Caches that are damaged, folders that take nothing, memory that ends, packages that are absent."""

from __future__ import annotations

import itertools
import pickle
import tempfile
from pathlib import Path

import numpy as np
from children import ended, judge, start
from counts import Counts, run

import vicinal

DRAW = """
import hashlib, numpy as np, vicinal
X = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
for each in (vicinal.PMFSampler(4, random_state=0), vicinal.LocalSampler(4, scale=1.0, random_state=0)):
    print(hashlib.sha256(each.fit(X).sample(1000).tobytes()).hexdigest())
"""
UNWRITABLE = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
LIMITED = """
import resource, sys
from vicinal import cli
spare = int(sys.argv.pop(1))
cli.app(standalone_mode=False)  # loads all that the command needs
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + spare,) * 2)
cli.main()
"""
CALLS = [
    ("sample", "s.safetensors", "-n", "3000000", "-o", "z.npy", "--force"),
    ("sample", "s.safetensors", "-n", "300000", "-o", "z.csv", "--force"),
    ("fit", "latents.npy", "-o", "s.safetensors", "--force", "--sampler", "PMF", "--n-bins", "8", "--seed", "0"),
    ("fit", "latents.npy", "-o", "s.safetensors", "--force", "--sampler", "Local", "--seed", "0"),
]
EXTRAS = ("torch", "PIL", "pyarrow", "h5py", "zarr", "ot", "matplotlib", "jinja2", "zuko", "huggingface_hub", "dask")
WITHOUT = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from vicinal import cli
cli.main()
"""
WANTING = [
    ("demo", "--out", "demo"),
    ("benchmark", "study.toml", "--out", "study"),
    ("train", "--out", "run"),
    ("encode", "a.safetensors", "latents.npy", "-o", "codes.npy"),
    ("generate", "a.safetensors", "s.safetensors", "-o", "sheet.png"),
    ("fit", "latents.npy", "-o", "flow.safetensors", "--sampler", "Flow"),
    ("fit", "latents.npy", "-o", "d.safetensors", "--workers", "2"),
    ("fit", "latents.h5", "-o", "h.safetensors"),
    ("sample", "s.safetensors", "-o", "z.parquet"),
    ("evaluate", "latents.npy", "latents.npy", "--metrics", "sinkhorn_divergence"),
    ("evaluate", "latents.npy", "latents.npy", "--features", "efficientnet"),
    ("info", "hf://user/repository"),
    ("fit", "latents.npy", "-o", "k.safetensors"),
]


def damages(random, content):
    """Yield what may become of a file of compiled kernels."""
    yield "empty", b""
    yield "cut", content[: random.integers(len(content))]
    yield "foreign", pickle.dumps({"of": "another program"})
    yield "noise", random.bytes(len(content))
    changed = bytearray(content)
    changed[random.integers(len(content))] ^= 1 << random.integers(8)
    yield "flipped", bytes(changed)


def attack_caches(folder, counts, random):
    """Damage the files of compiled kernels: they are made anew, and samples are the same."""
    cache = {"VICINAL_CACHE_DIR": str(folder / "cache")}
    good = ended(start(DRAW, **cache))
    judge(counts, "a new cache", good, [0])
    kept = {path: path.read_bytes() for path in (folder / "cache").rglob("*.nb?")}
    names = ["empty", "cut", "foreign", "noise", "flipped"]
    for name, suffix in itertools.product(names, (".nbi", ".nbc")):
        for path, content in kept.items():
            path.write_bytes(dict(damages(random, content))[name] if path.suffix == suffix else content)
        end = ended(start(DRAW, **cache))
        judge(counts, f"{suffix} {name}", end, [0])
        if end[1] != good[1]:
            counts.fault("silent", f"{suffix} {name}: other samples")


def attack_folders(folder, counts):
    """Run where no file can be written, and no folder is there."""
    good = ended(start(DRAW))
    for what, more in {
        "nothing can be written": {"VICINAL_CACHE_DIR": str(folder / "new")},
        "no folder is there": {"VICINAL_CACHE_DIR": "/proc/none", "HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
    }.items():
        end = ended(start(UNWRITABLE + DRAW, **more))
        judge(counts, what, end, [0])
        if end[1] != good[1]:
            counts.fault("silent", f"{what}: other samples")


def attack_memory(folder, counts, random):
    """Leave 10 to 500 MB beyond what is loaded: a line says that memory ends, and the old file is whole."""
    for call in CALLS:
        output = folder / call[call.index("-o") + 1]
        judge(counts, " ".join(call), ended(start(LIMITED, 10**11, *call, cwd=folder)), [0])
        good = output.read_bytes()
        for i in range(10):
            spare = int(10 ** random.uniform(7, 8.7))
            judge(counts, f"{spare:,} bytes for {call}", ended(start(LIMITED, spare, *call, cwd=folder)), [0, 2])
            if output.read_bytes() != good:
                counts.fault("silent", f"{output.name} changed, call {i} of {call}")


def attack_extras(folder, full, counts):
    """Call what needs packages that are not installed: one line says which."""
    for call in WANTING if full else WANTING[:1]:
        end = ended(start(WITHOUT, *call, cwd=folder))
        judge(counts, f"without extras: {call}", end, [0, 2])


def attack(full):
    """Attack in a folder of its own."""
    counts, random = Counts(), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        latents = random.normal(size=(200_000, 4)).astype(np.float32)
        np.save(folder / "latents.npy", latents)
        vicinal.PMFSampler(8, random_state=0).fit(latents).save(folder / "s.safetensors")
        for old in ("a.safetensors", "study.toml", "latents.h5"):
            (folder / old).write_bytes(b"not read: a package is missing first")
        attack_folders(folder, counts)
        if full:
            attack_caches(folder, counts, random)
            attack_memory(folder, counts, random)
        attack_extras(folder, full, counts)
    return counts


if __name__ == "__main__":
    run(attack)
