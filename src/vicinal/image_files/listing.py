"""Which files of a folder, a zip or a tar archive are images, and what the others are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, Self

from vicinal._errors import FileFormatError, InvalidInputError, import_extra

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".avif", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)

_MOST_BYTES = 1 << 28  # of one file in an archive: its size is only what the archive says, and it is read into memory
_NOT_IN_EVERY_PILLOW = {".webp": "webp", ".avif": "avif"}
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError, NotImplementedError)


class _Entry(NamedTuple):
    name: str  # its path below the folder or in the archive, with slashes
    stamp: str  # changes when the file does


class _Source(Protocol):
    """A folder or an archive: its files, and a way to open one; any number of threads may ask at once."""

    def entries(self) -> Iterator[_Entry]: ...

    def open(self, name: str) -> BinaryIO: ...

    def close(self) -> None: ...


class Files:
    """The image files in a folder and the folders below, or in a zip or tar archive.

    Hidden files and folders, and those in ``__MACOSX``, hold no images. Linked folders are followed once: never one
    that is there already, or that holds the folder itself.

    Parameters
    ----------
    path : Path
        The folder or the archive. What an archive is, its content tells.
    name : str
        What to call it in messages.

    Attributes
    ----------
    path : Path
    stamps : dict of str to str
        Paths below the folder or in the archive, sorted, each with what changes when the file does: its size, and its
        time or checksum.
    skipped : Counter of str
        How many files are no images, by kind: their suffix, ``hidden``, or a format that Pillow lacks here.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    InvalidInputError
        For a file that is no archive.
    FileFormatError
        For a damaged archive.
    """

    def __init__(self, path: Path, name: str = "path") -> None:
        self.path = path
        try:
            self._source = _source_of(path, name)
            entries = list(self._source.entries())
        except (FileNotFoundError, InvalidInputError):
            raise
        except _DAMAGED as error:
            if path.is_dir():
                raise
            raise FileFormatError(f"{path} is not a whole archive ({error}): get it again") from None
        self.skipped: Counter[str] = Counter()
        self.stamps: dict[str, str] = {}
        for entry in sorted(entries):
            kind = _kind_of_other(entry.name)
            if kind:
                self.skipped[kind] += 1
            elif kind is None:
                self.stamps[entry.name] = entry.stamp

    def open(self, name: str) -> BinaryIO:
        """Return a file to read from, in binary mode; any number of threads may ask at once.

        A file in an archive that is far larger than an image raises ValueError.
        """
        return self._source.open(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._source.close()


def is_archive(path: Path) -> bool:
    """Tell whether a file is a zip or tar archive, by its content; a damaged one, by its name."""
    return path.is_file() and _archive_type(path) is not None


def _archive_type(path: Path) -> type[_Zip] | type[_Tar] | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if zipfile.is_zipfile(path) or suffixes[-1:] == [".zip"]:
        return _Zip
    return _Tar if {".tar", ".tgz", ".tbz2", ".txz"}.intersection(suffixes) or tarfile.is_tarfile(path) else None


def _source_of(path: Path, name: str) -> _Source:
    if not path.exists():
        raise FileNotFoundError(f"{name} must be a folder of images, or a zip or tar file of them; {path} is not there")
    if path.is_dir():
        return _Folder(path)
    archive = _archive_type(path)
    if archive is None:
        raise InvalidInputError(
            f"{name} must be a folder of images, or a zip or tar file of them; {path} is another file: pass the folder"
        )
    return archive(path)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, str(path)

    def entries(self) -> Iterator[_Entry]:
        absolute = self._path.absolute()
        return self._below(str(self._path), "", {os.path.realpath(each) for each in (absolute, *absolute.parents)})

    def _below(self, folder: str, place: str, seen: set[str]) -> Iterator[_Entry]:
        """Yield the files below a folder, those in linked folders last, so that a folder comes before links to it."""
        links: list[tuple[str, str]] = []
        waiting = [(folder, place)]
        while waiting:
            folder, place = waiting.pop()
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if entry.is_file():
                    state = entry.stat()
                    yield _Entry(place + entry.name, f"{state.st_size} {state.st_mtime_ns}")
                elif entry.is_dir():
                    below = (entry.path, f"{place}{entry.name}/")
                    if not entry.is_symlink():
                        waiting += [below] if _is_new(entry.path, seen) else []
                    elif not _is_hidden(entry.name):
                        links.append(below)
        for link, place in links:
            if _is_new(link, seen):
                yield from self._below(link, place, seen)

    def open(self, name: str) -> BinaryIO:
        # Read at once: Pillow's many small reads would each hand the interpreter to another thread.
        with open(f"{self._folder}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - a Path takes as long as the file
            return io.BytesIO(file.read())

    def close(self) -> None:
        pass


def _is_new(folder: str, seen: set[str]) -> bool:
    """Tell whether a folder was not seen yet, under any path; now it is."""
    n_seen = len(seen)
    seen.add(os.path.realpath(folder))
    return len(seen) > n_seen


class _Zip:
    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        files = (entry for entry in self._archive.infolist() if not entry.filename.endswith(("/", "\\")))
        self._entries = {_with_slashes(entry.filename): entry for entry in files}

    def entries(self) -> Iterator[_Entry]:
        return (_Entry(name, f"{entry.file_size} {entry.CRC:08x}") for name, entry in self._entries.items())

    def open(self, name: str) -> BinaryIO:
        entry = self._entries[name]
        _check_size(entry.file_size)
        return io.BytesIO(self._archive.read(entry))

    def close(self) -> None:
        self._archive.close()


class _Tar:
    """A tar archive; one that is compressed is first expanded to a temporary file, for files are read in any order."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file: BinaryIO = _expanded(path)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                members = [member for member in archive if member.isreg() and member.sparse is None]
        except BaseException:
            self._file.close()
            raise
        self._members = {_with_slashes(member.name): member for member in members}

    def entries(self) -> Iterator[_Entry]:
        return (_Entry(name, f"{member.size} {member.mtime}") for name, member in self._members.items())

    def open(self, name: str) -> BinaryIO:
        member = self._members[name]
        _check_size(member.size)
        with self._lock:
            self._file.seek(member.offset_data)
            return io.BytesIO(self._file.read(member.size))

    def close(self) -> None:
        self._file.close()


def _expanded(path: Path) -> BinaryIO:
    openers: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
    with path.open("rb") as file:
        opener = openers.get(file.read(2))
    if opener is None:
        return path.open("rb")
    expanded = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
    try:
        with opener(path, "rb") as file:
            shutil.copyfileobj(file, expanded, 1 << 20)
    except BaseException:
        expanded.close()
        raise
    expanded.seek(0)
    return expanded


def _check_size(n_bytes: int) -> None:
    if n_bytes > _MOST_BYTES:
        raise ValueError(f"{n_bytes} bytes are more than the {_MOST_BYTES} that an image in an archive may have")


def _with_slashes(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _kind_of_other(name: str) -> str | None:
    """Return what a file is that is no image; None for an image, and nothing for hidden files of other kinds."""
    parts = name.split("/")
    stem, dot, suffix = parts[-1].lower().rpartition(".")
    suffix = dot + suffix if stem else ""
    if any(map(_is_hidden, parts)):
        return "hidden" if suffix in SUFFIXES else ""
    if suffix not in SUFFIXES:
        return suffix or "without suffix"
    codec = _NOT_IN_EVERY_PILLOW.get(suffix)
    if codec and not import_extra("PIL.features", "images").check(codec):
        return f"{suffix} (this Pillow cannot read it)"
    return None


def _is_hidden(part: str) -> bool:
    return part == "__MACOSX" or (part.startswith(".") and part not in ("..", "."))
