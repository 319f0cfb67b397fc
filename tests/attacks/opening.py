"""Files made to harm who opens them: nothing is run, written elsewhere or taken for HTML, and none fills the memory."""

from __future__ import annotations

import io
import itertools
import pickle
import resource
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from children import command, judge
from counts import Counts, require, run

import vicinal
from vicinal import array_files, evaluation, image_files, report

SPARE = 500_000_000  # bytes that opening a small file may take at the most
NAMES = ["../out.png", "/attack-out.png", "a/../../out.png", "..\\out.png", "C:\\out.png", "a\x01.png", "x" * 5000]
HTML = [
    "<script>alert(1)</script>",
    '" onerror="alert(1)',
    "</title><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
    "$\\frac{$",
    "'; alert(1)//",
]


class Bomb:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def png(width=8, height=8, claimed=None):
    """Return a grey PNG, which may claim another size than it has."""
    width, height = claimed or (width, height)
    rows = b"".join(b"\0" + bytes(8) for _ in range(8))
    chunks = [(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0")]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = (
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def archives(folder):
    """Write archives whose members want to be elsewhere, are links, or are much larger than they look."""
    for i, name in enumerate(NAMES):
        with zipfile.ZipFile(folder / f"{i}.zip", "w") as archive:
            archive.writestr(name, png())
        with tarfile.open(folder / f"{i}.tar", "w") as archive:
            member = tarfile.TarInfo(name)
            member.size = len(png())
            archive.addfile(member, io.BytesIO(png()))
    for kind, target in itertools.product(
        (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE), ("/etc/passwd", "..", "l.png")
    ):
        with tarfile.open(folder / f"link{len(target)}{kind.decode()}.tar", "w") as archive:
            member = tarfile.TarInfo("l.png")
            member.type, member.linkname = kind, target
            archive.addfile(member)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", png() + bytes(600_000_000))
    with zipfile.ZipFile(folder / "many.zip", "w") as archive:
        for i in range(3):
            archive.writestr(f"{i}.png", png(claimed=(60_000, 60_000)))
    (folder / "huge.npz").write_bytes(npz_of(b"\x93NUMPY\x01\0v\0" + huge_header()))
    (folder / "huge.npy").write_bytes(b"\x93NUMPY\x01\0v\0" + huge_header())
    return sorted(each for each in folder.iterdir() if each.suffix in (".zip", ".tar", ".npz", ".npy"))


def huge_header():
    """Return the rest of the header of an array of 8 TB."""
    return b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }".ljust(117) + b"\n"


def npz_of(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("arr_0.npy", content)
    return buffer.getvalue()


def attack_archives(folder, counts):
    """Open archives: what they hold is read or refused, within memory, and nothing appears beside them."""
    inside = folder / "inside"
    inside.mkdir()
    paths = archives(inside)
    before = sorted(folder.rglob("*"))
    for path, read in itertools.product(paths, (image_files.read, array_files.read)):
        with counts.trial(f"{read.__name__} {path.name}", allowed=(OSError,)):
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                read(path)
            finally:
                grown = 1000 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most)
                require(grown < SPARE, f"{grown:,} bytes for a file of {path.stat().st_size:,}")
                require(sorted(folder.rglob("*")) == before, "a file appeared")
    require(not Path("/attack-out.png").exists(), "a file appeared in the root")


def attack_pickles(folder, counts):
    """Open files with Python objects in them, by every name: none is unpickled."""
    trap = folder / "unpickled"
    bomb = pickle.dumps(Bomb(trap))
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb(trap)], dtype=object), allow_pickle=True)
    contents = {"pickle": bomb, "npy": buffer.getvalue(), "npz": npz_of(buffer.getvalue())}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", bomb)
        file.writestr("archive/version", "3")
    contents["torch"] = archive.getvalue()
    suffixes = (".npy", ".npz", ".pt", ".pth", ".ckpt", ".safetensors", ".h5", ".parquet", ".zip", ".csv", ".pkl", "")
    for (what, content), suffix in itertools.product(contents.items(), suffixes):
        path = folder / f"object{suffix}"
        path.write_bytes(content)
        for read in (array_files.read, vicinal.load, image_files.read):
            with counts.trial(f"{read.__name__} of {what} as {path.name}", allowed=(OSError,)):
                try:
                    read(path)
                finally:
                    require(not trap.exists(), "a pickle was run")


def attack_reports(folder, counts):
    """Write reports of samples and autoencoders with hostile names: a page has them as text alone."""
    rows = np.random.default_rng(0).normal(size=(3, 60, 2))
    for name in HTML:
        with counts.trial(f"a report of {name}"):
            scores = evaluation.evaluate(rows[0], {name: rows[1]}, train=rows[2], reconstructions=rows[0] + 0.1)
            section = report.Section(name, name, scores)
            report.write(folder / "report.html", name, name, [section], {name: name}, points=[name])
            page = (folder / "report.html").read_text(encoding="utf-8")
            for harm in ("<script>alert", "<img src=x", '" onerror="', "\0"):
                require(harm not in page, f"{harm} is in the page")
            require(
                name.replace("<", "&lt;").replace(">", "&gt;").split("'")[0].split('"')[0] in page, "its name is not"
            )
    judge(counts, "evaluate", command("info", "<script>.safetensors", cwd=folder), [2])


def attack(full):
    """Attack in a folder of its own."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as name:
        attack_pickles(Path(name), counts)
        if full:
            attack_archives(Path(name), counts)
            attack_reports(Path(name), counts)
    return counts


if __name__ == "__main__":
    run(attack)
