"""Processes that are killed or refused while they write: a file is old or new, never half, also with two writers."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from children import READY, ended, judge, start
from counts import Counts, run

import vicinal
from vicinal import storage

KILLS = {False: 2, True: 100}  # of each kind of writing
WRITERS = {  # Python code that says when it begins to write, and writes over and over
    "save": """
import sys, numpy as np, vicinal
both = [vicinal.PMFSampler(4, random_state=0).fit(np.full((n, 400), 1.0) * np.arange(n)[:, None]) for n in (60, 90)]
print("ready", flush=True)
while True:
    for each in both:
        each.save(sys.argv[1])
""",
    "encode": """
import sys, numpy as np, vicinal
from vicinal import pipeline
class Model:
    def encode(self, images): return images.reshape(len(images), -1)[:, :50]
    def decode(self, latents): return latents
images = [np.full((200, 1, 20, 20), value, np.float32) for value in (1, 2)]
print("ready", flush=True)
while True:
    for each in images:
        pipeline.encode(Model(), each, out=sys.argv[1], batch_size=10)
""",
}
FIT = (
    "fit",
    "latents.npy",
    "-o",
    "sampler.safetensors",
    "--force",
    "--seed",
    "0",
    "--sampler",
    "PMF",
    "--n-bins",
    "16",
)


def is_whole(path):
    """Tell whether a file is one that was written to its end."""
    if path.suffix == ".npy":
        array = storage.read_array(path)
        return array.shape == (200, 50) and np.ptp(array) == 0
    vicinal.load(path)
    return True


def remnants(folder):
    return list(folder.rglob("*.tmp"))


def kill(code, arguments, folder, random, longest):
    """Start code, and kill it at a random moment after it says that it is ready."""
    child = start(code, *arguments, cwd=folder)
    child.stdout.readline()
    time.sleep(random.random() * longest)
    child.kill()
    child.communicate()


def check_whole(counts, what, path):
    """Count one kill after which a file must be whole."""
    with counts.trial(what):
        try:
            whole = not path.exists() or is_whole(path)
        except ValueError as error:
            whole = False
            what = f"{what}: {error}"
    if not whole:
        counts.fault("silent", f"{what}: half a file")


def attack_writers(folder, full, counts, random):
    """Kill processes that write, and look for what they left once another has written."""
    for name, code in WRITERS.items():
        path = folder / ("out.npy" if name == "encode" else "out.safetensors")
        for i in range(KILLS[full]):
            kill(code, [path], folder, random, 0.2)
            check_whole(counts, f"{name}, kill {i}", path)
    code = "import sys, numpy as np\nfrom vicinal import storage\nstorage.write_array(sys.argv[1], np.zeros(3))"
    judge(counts, "the next run", ended(start(code, folder / "z.npy")), [0])
    if left := remnants(folder):
        counts.fault("silent", f"temporary files are left: {left[:3]}")


def attack_paths(folder, full, counts):
    """Write where it cannot be written."""
    np.save(folder / "latents.npy", np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32))
    judge(counts, "fit", ended(start(READY, *FIT, cwd=folder)), [0])
    before = (folder / "sampler.safetensors").read_bytes()
    limited = f"import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n{READY}"
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] in (resource.RLIM_INFINITY, -1):
        judge(counts, "a full disk", ended(start(limited, *FIT, cwd=folder, NUMBA_CACHE_DIR=None)), [2])
    (folder / "a folder").mkdir()
    outputs = ["a folder", "none/there.safetensors", "/proc/x.safetensors", "/dev/null/x", "x" * 300, "", "s.txt\n"]
    for output in outputs if full else outputs[:2]:
        judge(counts, f"-o {output[:30]!r}", ended(start(READY, *FIT[:3], output, *FIT[4:], cwd=folder)), [0, 2])
    if (folder / "sampler.safetensors").read_bytes() != before:
        counts.fault("silent", "the old file changed, though nothing could be written")
    (folder / "link.safetensors").symlink_to("sampler.safetensors")
    judge(counts, "-o a link", ended(start(READY, *FIT[:3], "link.safetensors", *FIT[4:], cwd=folder)), [0, 2])
    check_whole(counts, "-o a link", folder / "link.safetensors")
    check_whole(counts, "behind a link", folder / "sampler.safetensors")
    if left := remnants(folder):
        counts.fault("silent", f"temporary files are left: {left[:3]}")


def attack_two_writers(folder, full, counts):
    """Let two processes write one file, and read it all the while."""
    path = folder / "both.safetensors"
    children = [start(WRITERS["save"], path) for _ in range(2)]
    for child in children:
        child.stdout.readline()
    until = time.monotonic() + (20 if full else 1)
    while time.monotonic() < until:
        check_whole(counts, "two writers", path)
    for child in children:
        if child.poll() is not None:
            counts.fault("foreign", f"a writer ended: {child.stderr.read()[-300:]!r}")
        child.kill()
        child.communicate()


def attack(full):
    """Attack in a folder of its own."""
    counts, random = Counts(), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        attack_writers(folder, full, counts, random)
        attack_paths(folder, full, counts)
        attack_two_writers(folder, full, counts)
    return counts


if __name__ == "__main__":
    run(attack)
