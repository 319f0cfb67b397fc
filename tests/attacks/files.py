"""Flipped bits, truncations and hostile headers: a file is refused, or gives the very same samples."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
from counts import Counts, require, run

import vicinal
from vicinal import samplers, storage
from vicinal._errors import VicinalError

OLD = Path(__file__).parents[1] / "data" / "format1"
SPARE = 4_000_000  # bytes that a load may take beside four times its file: objects of Python, small buffers


class Prior:
    """Stands in for an autoencoder with a learned prior."""

    def prior_components(self):
        return np.zeros((2, 3)), np.zeros((2, 3))


def makers():
    """Return one small sampler of each kind that saves."""
    tiny = {"hidden_units": (4,), "n_epochs": 1, "random_state": 0}
    return [
        samplers.PMFSampler(4, random_state=0),
        samplers.LocalSampler(4, scale=1.0, random_state=0),
        samplers.BootstrapSampler(random_state=0),
        samplers.GaussianSampler(random_state=0),
        samplers.GMMSampler(2, random_state=0),
        samplers.KDESampler(random_state=0),
        samplers.CopulaSampler(random_state=0),
        samplers.HypersphereSampler(random_state=0),
        samplers.VampSampler(Prior(), random_state=0),
        samplers.TwoStageSampler(**tiny),
        samplers.FlowSampler(n_transforms=1, n_bins=4, **tiny),
    ]


def write_files(folder):
    """Save a small sampler of each kind and return all files, those of older versions and their autoencoder too."""
    latents = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
    for sampler in makers():
        sampler.fit(latents).save(folder / f"{type(sampler).__name__}.safetensors")
    for kind in (samplers.PMFSampler(4), samplers.LocalSampler(4, scale=1.0)):
        kind.fit(latents, np.arange(24) % 2).save(folder / f"{type(kind).__name__}-classes.safetensors")
    old = [path for path in sorted(OLD.glob("*.safetensors")) if path.stem not in ("pmf-moments",)]
    return sorted(folder.glob("*.safetensors")) + old


def content(path):
    """Return what a file gives: samples, or the images that an autoencoder decodes."""
    loaded = vicinal.load(path)
    if isinstance(loaded, samplers.Sampler):
        return loaded.sample(20, random_state=1)
    return vicinal.decode(loaded, np.zeros((2, loaded.latent_dim), np.float32))


def damaged(data, full, random):
    """Yield altered copies of the bytes of a file, with what was done: every bit and every length, or a sample."""
    bits = range(8 * len(data)) if full else random.integers(0, 8 * len(data), 40)
    for bit in bits:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit}", changed
    for length in range(len(data)) if full else random.integers(0, len(data), 20):
        yield f"length {length}", data[:length]


def attack_bytes(folder, full, counts):
    """Flip bits and cut files."""
    random = np.random.default_rng(0)
    target = folder / "target"
    for path in write_files(folder):
        data, good = path.read_bytes(), content(path)
        for what, changed in damaged(data, full, random):
            target.write_bytes(changed)
            with counts.trial(f"{path.name} {what}"):
                require(np.array_equal(content(target), good), "loads as something else")
    target.unlink()


def raw(header, data=b""):
    """Return a safetensors file of a header in bytes, whatever it says."""
    return len(header).to_bytes(8, "little") + header + data


def tensor(shape, end, name="a"):
    return {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}


def hostile(full):
    """Yield files that no library wrote, with what they are."""
    size = 99_000_000 if full else 1_000_000
    for shape, end in [([2**40, 2**20], 8), ([2**63], 8), ([0, 2**62], 0), ([2**31, 2**31, 2**31], 8), ([-1], 8)]:
        yield f"shape {shape}", raw(json.dumps(tensor(shape, end)).encode(), bytes(8))
    yield "deep header", raw(b"[" * 100_000)
    yield "deep metadata", raw(json.dumps({"__metadata__": {"vicinal": "[" * 100_000}}).encode())
    yield "wide metadata", raw(json.dumps({"__metadata__": {"vicinal": "[0" + ",0" * (size // 2) + "]"}}).encode())
    yield "long header", raw(b'{"__metadata__": {"vicinal": "' + b" " * size + b'"}}')
    yield "spaces", raw(b" " * size)
    yield "header beyond the file", (2**62).to_bytes(8, "little") + b"{}"
    yield "duplicate arrays", raw(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},' * 2 + b'"b":0}', b"0")
    yield "duplicate metadata", raw(b'{"__metadata__":{"vicinal":"{}"},"__metadata__":{"vicinal":"[]"}}')
    yield "another text", raw(b'{"__metadata__": {"vicinal": "\\ud800"}}')
    for version in (1, 2, 3, -1, 10**30, "2", None, [2]):
        fields = {"format_version": version, "kind": "PMFSampler", "vicinal": 1, "header": 0, "arrays": [], "sha256": 0}
        yield f"version {version}", raw(json.dumps({"__metadata__": {"vicinal": json.dumps(fields)}}).encode())


def forged(folder):
    """Yield files with right checksums, of a foreign kind, with wrong parameters, or with odd labels."""
    values = [None, -1, 0, 10**30, 1e308, float("nan"), float("inf"), "x", "auto", [], [[]], {}, True, "__class__"]
    for path in sorted(folder.glob("*Sampler*.safetensors")):
        good = storage.read(path)
        for kind in ("os.system", "Sampler", "Artifact", "__doc__", "", "../x", "Autoencoder", 1, None, ["PMFSampler"]):
            yield f"{path.stem} as {kind!r}", storage.packed(kind, good.header, good.arrays)
        for part in ("params", "scalars"):
            for name in [*good.header[part], "unknown"]:
                for value in values:
                    header = good.header | {part: good.header[part] | {name: value}}
                    yield f"{path.stem} {part} {name}={value!r}", storage.packed(good.kind, header, good.arrays)
        for labels in (
            [],
            [1],
            [1, 1],
            ["a", 1],
            [None, {}],
            ["x" * 100_000, ""],
            [float("nan")] * 2,
            "ab",
            [[1], [2]],
        ):
            header = good.header | {"scalars": good.header["scalars"] | {"classes_": labels}}
            yield f"{path.stem} labels {str(labels)[:40]}", storage.packed(good.kind, header, good.arrays)


def attack_headers(folder, full, counts):
    """Load hostile files; each must end in an error or in samples, and must not allocate beyond its size."""
    target = folder / "target"
    for what, data in [*hostile(full), *list(forged(folder))[:: 1 if full else 23]]:
        target.write_bytes(data)
        with counts.trial(what):
            loaded, peak = load_traced(target)
            require(peak <= 4 * len(data) + SPARE, f"{peak:,} bytes allocated for a file of {len(data):,}")
            if loaded is not None:
                samples = loaded.sample(5, random_state=1)
                require(samples.shape == (5, *loaded.event_shape_), f"samples of shape {samples.shape}")
                require(np.isfinite(samples).all(), "samples that are not finite")


def load_traced(path):
    """Return what a file holds, None if it is refused, and the most bytes that loading it took."""
    tracemalloc.start()
    try:
        return vicinal.load(path), tracemalloc.get_traced_memory()[1]
    except VicinalError as error:
        require(len(str(error)) > len(str(path)), f"{error!r} says too little")
        return None, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def attack(full):
    """Attack files in a folder of their own."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as folder:
        attack_bytes(Path(folder), full, counts)
        attack_headers(Path(folder), full, counts)
    return counts


if __name__ == "__main__":
    run(attack)
