"""Image files in a folder or in a zip archive, which is never extracted."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, Self

from vicinal._errors import FileFormatError
from vicinal.image_files import SUFFIXES

_MOST_BYTES = 1 << 28  # of one file in an archive: its size is only what the archive says, and it is read into memory


class Files:
    """The image files in a folder and the folders below, or in a zip archive.

    Hidden files, and what macOS adds to archives, are passed over.

    Parameters
    ----------
    path : Path
        The folder or the archive.

    Attributes
    ----------
    path : Path
        As given.
    stamps : dict of str to str
        Paths below the folder or in the archive, sorted, each with what changes when the file does: its
        size, and its time or checksum.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    FileFormatError
        If the file is no zip archive.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".zip") as file:
    ...     with zipfile.ZipFile(file, "w") as archive:
    ...         archive.writestr("eyes/1.png", "bytes")
    ...         archive.writestr("readme.txt", "no image")
    ...     with Files(Path(file.name)) as files:
    ...         print(list(files.stamps), files.open("eyes/1.png").read())
    ['eyes/1.png'] b'bytes'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            stamps = _stamps_of_folder(path)
        else:
            try:
                self._archive = zipfile.ZipFile(path)
            except zipfile.BadZipFile as error:
                raise FileFormatError(f"{path} is not a whole zip archive ({error}): get it again") from None
            stamps = {
                i.filename: f"{i.file_size} {i.CRC:08x}" for i in self._archive.infolist() if _is_image(i.filename)
            }
        self.stamps: dict[str, str] = dict(sorted(stamps.items()))

    def open(self, name: str) -> BinaryIO:
        """Return a file to read from, in binary mode; any number of threads may ask at once.

        Raises
        ------
        OSError, RuntimeError, zipfile.BadZipFile
            If it cannot be read, is encrypted, or its checksum is wrong.
        ValueError
            If a file in an archive is far larger than an image.
        """
        if self._archive is None:
            return (self.path / name).open("rb")
        size = self._archive.getinfo(name).file_size
        if size > _MOST_BYTES:
            raise ValueError(f"{size} bytes are more than the {_MOST_BYTES} that an image in an archive may have")
        return io.BytesIO(self._archive.read(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive.close()


def _stamps_of_folder(folder: Path) -> dict[str, str]:
    stamps = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        below = Path(root).relative_to(folder).as_posix()
        for name in names:
            path = Path(root, name)
            if _is_image(name) and path.is_file():
                state = path.stat()
                stamps[name if below == "." else f"{below}/{name}"] = f"{state.st_size} {state.st_mtime_ns}"
    return stamps


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not any(_is_hidden(part) for part in path.parts)


def _is_hidden(part: str) -> bool:
    return part == "__MACOSX" or (part.startswith(".") and part != "..")
