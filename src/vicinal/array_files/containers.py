"""The arrays in a file, by name, not read yet: one small function for each kind of file, in a table by suffix."""

from __future__ import annotations

import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, import_extra
from vicinal.array_files import tables

_SAFETENSORS = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "float32", "BOOL": "bool"}
_NO_NUMBERS = np.dtype(object)
_NOT_WHOLE = (KeyError, *storage.NOT_WHOLE)
_IN_MEMORY = 1 << 26  # bytes; a larger array of a .npz archive is mapped from a temporary file


class Entry(NamedTuple):
    """An array in a file: its shape, its dtype, and a function that gives what can be sliced to rows."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    open: Callable[[], Any]

    @property
    def is_data(self) -> bool:
        """Whether these are rows of numbers."""
        return len(self.shape) >= 2 and self.dtype.kind in "fiub"


Entries = dict[str, Entry]


def entries(path: Path, columns: str | None = None, labels: str | None = None) -> Entries:
    """Return the arrays in a file by name; a file of one array has the name "".

    A table has one array of numbers, "", and one for each column. ``columns`` names those to take, with commas, and
    ``labels`` one to leave out. Errors are those of `vicinal.array_files.read`.
    """
    suffix = ".zarr" if is_zarr(path) else path.suffix.lower()
    if suffix not in _READERS and suffix not in tables.READERS:
        folder = ": name the files in it" if path.is_dir() else ""
        raise InvalidInputError(f"{path} must be a file of an array ({', '.join(SUFFIXES)}); got another one{folder}")
    storage.check_there(path)
    if suffix in tables.READERS:
        rows, found = tables.split(path, tables.READERS[suffix](path), columns, labels)
        return {name: entry_of(array) for name, array in {**found, "": rows}.items()}
    return _READERS[suffix](path)


def is_zarr(path: Path) -> bool:
    """Tell whether a path is a folder of Zarr, whatever its suffix."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))


def entry_of(array: Any) -> Entry:
    """Return the entry of an array that is there already."""
    return Entry(tuple(array.shape), array.dtype, lambda: array)


def _npy(path: Path) -> Entries:
    return {"": entry_of(storage.read_array(path, mapped=True))}


def _npz(path: Path) -> Entries:
    found: Entries = {}
    try:
        with path.open("rb") as file:  # np.load leaves open what it cannot read
            archive: Any = np.load(file, allow_pickle=False)
            for name in getattr(archive, "files", ()):
                with archive.zip.open(f"{name}.npy") as member:
                    major, _ = np.lib.format.read_magic(member)
                    header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
                    shape, _, dtype = header(member)
                found[name] = Entry(shape, dtype, lambda name=name: _npz_array(path, name))  # type: ignore[misc]
    except _NOT_WHOLE as error:
        raise _damaged(path, ".npz archive", error) from None
    if isinstance(archive, np.ndarray):
        raise FileFormatError(f"{path} is not an archive, but a .npy file: rename it")
    return found


def _npz_array(path: Path, name: str) -> Array:
    """Return an array of an archive; a large one is mapped from a temporary file, which goes when the array goes."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(f"{name}.npy").file_size <= _IN_MEMORY:
            return storage.read_arrays(path, (name,))[0][name]
        with tempfile.TemporaryDirectory() as folder:
            unpacked = Path(folder) / "array.npy"
            try:
                with archive.open(f"{name}.npy") as member, unpacked.open("wb") as file:
                    shutil.copyfileobj(member, file, 1 << 20)
            except _NOT_WHOLE as error:
                raise _damaged(path, ".npz archive", error) from None
            return storage.read_array(unpacked, mapped=True)


def _safetensors(path: Path) -> Entries:
    from safetensors import SafetensorError, safe_open

    file: Any
    try:
        file = safe_open(path, framework="np")
    except SafetensorError as error:
        raise _damaged(path, ".safetensors file", error) from None
    if (file.metadata() or {}).get("vicinal"):
        raise InvalidInputError(f"{path} holds what vicinal saved, such as a sampler, and no latents: see vicinal info")

    def entry(name: str) -> Entry:
        part = file.get_slice(name)
        kind = part.get_dtype()
        if kind != "BF16":
            numpy_name = _SAFETENSORS.get(kind, f"{'uint' if kind[0] == 'U' else 'int'}{kind[1:]}")
            dtype = np.dtype(numpy_name) if kind in _SAFETENSORS or kind[0] in "UI" else _NO_NUMBERS
            shape = tuple(part.get_shape())
            return Entry(shape, dtype, lambda: _Sliced(shape, dtype, part))

        def widened() -> Array:  # NumPy has no bfloat16
            import_extra("torch", "torch")
            of_torch: Any = safe_open(path, framework="pt")
            return _arrays.to_numpy(of_torch.get_tensor(name))

        return Entry(tuple(part.get_shape()), np.dtype(np.float32), widened)

    return {name: entry(name) for name in file.keys()}  # noqa: SIM118 - not a mapping


class _Sliced:
    """An array in a file of safetensors: its shape and type, and its rows by slices."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], part: Any) -> None:
        self.shape, self.dtype, self._part = shape, dtype, part

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        first, last, _ = rows.indices(len(self))
        return np.asarray(self._part[first:last]) if first < last else np.empty((0, *self.shape[1:]), self.dtype)


def _torch(path: Path) -> Entries:
    torch = import_extra("torch", "torch")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path) or None)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        if isinstance(error, RuntimeError):
            raise _damaged(path, "file of torch.save", error) from None
        raise FileFormatError(
            f"{path} must hold tensors alone, as torch.save(latents, path) writes; it holds other objects, which are "
            "never unpickled, or is damaged"
        ) from None
    if isinstance(found, list | tuple):
        found = {str(i): item for i, item in enumerate(found)}
    found = found if isinstance(found, dict) else {"": found}
    tensors = {str(name): item for name, item in found.items() if isinstance(item, torch.Tensor)}
    return {name: entry_of(_arrays.to_numpy(tensor)) for name, tensor in tensors.items()}


def _hdf5(path: Path) -> Entries:
    h5py = import_extra("h5py", "io")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _damaged(path, "HDF5 file", error) from None
    return dict(_walk(file, ""))


def _zarr(path: Path) -> Entries:
    zarr = import_extra("zarr", "io")
    try:
        root = zarr.open(str(path), mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, "Zarr array or group", error) from None
    return {"": entry_of(root)} if hasattr(root, "shape") else dict(_walk(root, ""))


def _walk(group: Any, place: str) -> Iterator[tuple[str, Entry]]:
    """Yield the arrays in a group of HDF5 or Zarr and in those below, as AnnData writes them, too."""
    for name, item in sorted(group.items() if hasattr(group, "items") else group.members()):
        if hasattr(item, "shape"):
            yield place + name, Entry(tuple(item.shape), np.dtype(item.dtype), lambda item=item: _text_or_rows(item))  # type: ignore[misc]
            continue
        kind = item.attrs.get("encoding-type", "")
        if kind == "categorical":
            yield place + name, Entry(tuple(item["codes"].shape), _NO_NUMBERS, lambda item=item: _categories(item))  # type: ignore[misc]
        elif kind in ("csr_matrix", "csc_matrix"):
            shape = tuple(int(side) for side in item.attrs["shape"])
            yield place + name, Entry(shape, _NO_NUMBERS, lambda: None)
        else:
            yield from _walk(item, f"{place}{name}/")


def _text_or_rows(item: Any) -> Any:
    """Return text as an array of str; an array of numbers as it is, not read."""
    return item.asstr()[:] if np.dtype(item.dtype).kind in "OS" and hasattr(item, "asstr") else item


def _categories(item: Any) -> Array:
    codes, categories = np.asarray(item["codes"][:]), np.asarray(_text_or_rows(item["categories"])[:])
    if (codes < 0).any():
        raise InvalidInputError(f"labels must be there for all rows; {(codes < 0).sum()} have none: leave them out")
    return categories[codes]


def _damaged(path: Path, kind: str, error: Exception) -> FileFormatError:
    reason = str(error).partition("\n")[0]
    if "pickle" in reason:
        reason = "it holds Python objects, which are never unpickled, or something else"
    return FileFormatError(f"{path} is not a whole {kind} of numbers ({reason}): write it again")


_READERS: dict[str, Callable[[Path], Entries]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".h5ad": _hdf5,
    ".zarr": _zarr,
}
SUFFIXES = (*_READERS, *tables.READERS)
