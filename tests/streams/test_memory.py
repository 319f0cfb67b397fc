"""Memory of the way from images to images: a batch at a time, however many there are."""

import json
import os
import subprocess
import sys

import pytest

FROM_IMAGES_TO_IMAGES = """
import json
import sys
import numpy as np
import vicinal

n = int(sys.argv[1])
model = vicinal.Autoencoder(
    lambda images: images.reshape(len(images), 8, -1).mean(axis=2) + images[:, 0, 0, :8],
    lambda latents: np.broadcast_to(latents[:, :1, None, None], (len(latents), 3, 64, 64)).astype(np.float16),
)

def high_water():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

def steps(n, out):
    images = np.lib.format.open_memmap("images.npy", "w+", np.uint8, (n, 3, 64, 64))  # sparse but for some values
    generator = np.random.default_rng(0)
    for first in range(0, n, 4096):
        images[first : first + 4096, 0, 0, :8] = generator.integers(0, 256, (len(images[first : first + 4096]), 8))
        vicinal.images.release(images)
    del images
    yield "encode", lambda: vicinal.encode(model, "images.npy", out="latents.npy")
    yield "fit pmf", lambda: vicinal.PMFSampler(8, random_state=0).fit("latents.npy")
    sampler = vicinal.LocalSampler(16, scale=1.0, random_state=0)
    yield "fit local", lambda: sampler.fit("latents.npy")
    yield "generate", lambda: vicinal.generate(model, sampler, n // 2, out=out)  # of float16: as many bytes

import vicinal.images
found = {"all": 0}
for size in (200, n):  # the first time for imports, threads and compilers
    for out in sys.argv[2:]:
        for name, step in steps(size, out):
            open("/proc/self/clear_refs", "w").write("5")  # forget earlier peaks
            before = high_water()
            step()
            found[f"{name} {out}"] = high_water() - before
            found["all"] = max(found["all"], high_water())
print(json.dumps(found))
"""


def peaks(folder, n, *outs):
    """Return megabytes that each step takes at most beside what was there before, and those of the whole process."""
    command = [sys.executable, "-c", FROM_IMAGES_TO_IMAGES, str(n), *outs]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=one_thread)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")


def test_images_are_taken_and_written_a_batch_at_a_time(tmp_path):
    """98 MB of images, and as many generated: of neither a third is in memory."""
    found = peaks(tmp_path, 8000, "new.npy")
    found.pop("all")
    assert max(found.values()) < 33, found


@pytest.mark.slow(reason="minutes: 4.3 GB of images, twice, and as many generated")
def test_gigabytes_take_megabytes(tmp_path):
    """The whole process stays below 1 GB, imports included."""
    assert peaks(tmp_path, 350_000, "new.npy", "new.npz")["all"] < 1000
