"""Tables, CSV and Parquet: columns by name, and those of numbers as one array."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, import_extra

Columns = dict[str, Array]
"""Columns by name: numbers (n,), text (n,) of dtype object, or numbers (n, d) where each cell is a list."""

_INDEX = ("", "Unnamed: 0")  # what pandas calls the column of row numbers
_LIKE_LABELS = ("class", "label", "labels", "target", "y")


def split(path: Path, found: Columns, columns: str | None = None, labels: str | None = None) -> tuple[Array, Columns]:
    """Return the numbers of a table (n, d), and all its columns.

    Parameters
    ----------
    path : Path
        For messages.
    found : dict
        All columns.
    columns : str, optional
        The columns to take, with commas between. Without, it is all that are not labels. One column of lists of one
        length is (n, d) by itself.
    labels : str, optional
        The column that is not data.

    Raises
    ------
    InvalidInputError
        For columns that are not there, or are not numbers.
    """
    for name in (*(columns or "").split(","), labels):
        if name and name not in found:
            raise InvalidInputError(f"{path} has no column {name!r}; it has {_listed(list(found))}")
    names = columns.split(",") if columns else [name for name in found if name != labels and not _is_index(found, name)]
    if not columns and len(names) < len(found) - (labels is not None):
        warnings.warn(f"{path}: the first column numbers the rows, so it is left out", UserWarning, stacklevel=4)
    lists = [name for name in names if found[name].ndim == 2]
    if lists and len(names) > 1 and not columns:
        names = lists  # numbers beside a list are no part of it
    if len(lists) > 1 or (lists and len(names) > 1):
        raise InvalidInputError(f"{path} has lists in the columns {_listed(lists)}: name one with --key of vicinal fit")
    text = [name for name in names if found[name].dtype == object]
    if text:
        raise InvalidInputError(
            f"{path} must have numbers in all columns; {_listed(text)} has text, such as {found[text[0]][0]!r}: leave "
            "it out, or name it with labels= or --labels if it is the class"
        )
    if not names:
        raise InvalidInputError(f"{path} must have columns of numbers; it has {_listed(list(found))}")
    likely = [name for name in names if name.lower() in _LIKE_LABELS]
    if likely and not columns:
        warnings.warn(
            f"{path}: column {likely[0]!r} is taken as data; if it is the class, pass --labels {likely[0]}",
            UserWarning,
            stacklevel=4,
        )
    return found[names[0]] if lists else np.stack([found[name] for name in names], axis=1), found


def _is_index(found: Columns, name: str) -> bool:
    return name in _INDEX and np.array_equal(found[name], np.arange(len(found[name])))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:10]))
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _csv(path: Path) -> Columns:
    """Read a CSV file: commas, or the semicolons or tabs that its first line has; UTF-8; with a header or without."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
            delimiter = max(",;\t", key=line.count)
            file.seek(0)
            rows = [row for row, _ in zip(csv.reader(file, delimiter=delimiter), range(2), strict=False)]
        if not rows:
            raise FileFormatError(f"{path} must have rows; it is empty")
        if _counts(rows[0]):
            warnings.warn(f"{path}: the first row counts the columns, so it is a header", UserWarning, stacklevel=5)
        names = rows[0] if _is_header(rows) else [str(i) for i in range(len(rows[0]))]
        if len(set(names)) < len(names):
            raise InvalidInputError(f"{path} must have columns of different names; got {_listed(names)}")
        if rows[0] is names and len(rows) == 1:
            raise FileFormatError(f"{path} must have rows; it has a header alone")
        first, text = rows[-1], np.dtype(object)
        options: dict[str, Any] = {"delimiter": delimiter, "quotechar": '"', "comments": None, "ndmin": 2}
        options |= {"skiprows": int(rows[0] is names), "encoding": "utf-8-sig"}
        are_numbers = [_is_number(cell) for cell in first] + [False] * (len(names) - len(first))
        found: Columns = {}
        for dtype, wanted in ((np.dtype(np.float64), True), (text, False)):
            chosen = [i for i, is_number in enumerate(are_numbers) if is_number is wanted]
            if chosen:
                # As str first: loadtxt makes no Python objects.
                values = np.loadtxt(path, str if dtype == text else dtype, usecols=chosen, **options)
                found |= {names[i]: column.astype(dtype) for i, column in zip(chosen, values.T, strict=True)}
    except (ValueError, csv.Error) as error:
        if isinstance(error, FileFormatError | InvalidInputError):
            raise
        raise FileFormatError(
            f"{path} is not a table of numbers ({error}): leave out rows with empty cells, and write numbers as 1.5"
        ) from None
    return {name: found[name] for name in names}


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row is a header: it has text above numbers, or only text, or counts the columns."""
    numbers = [_is_number(cell) for cell in rows[0]]
    if len(rows) > 1 and any(not a and _is_number(below) for a, below in zip(numbers, rows[1], strict=False)):
        return True
    return not any(numbers) or _counts(rows[0])


def _counts(row: Sequence[str]) -> bool:
    """Tell whether a row is the header that pandas gives to columns without names."""
    return len(row) > 1 and list(row) == [str(i) for i in range(len(row))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parquet(path: Path) -> Columns:
    parquet = import_extra("pyarrow.parquet", "io")
    arrow = import_extra("pyarrow", "io")
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise FileFormatError(f"{path} is not a whole Parquet file ({str(error).partition(chr(10))[0]})") from None
    index = (table.schema.pandas_metadata or {}).get("index_columns", ())  # what pandas does not call data either
    names = [name for name in table.column_names if name not in index]
    return {name: _column(arrow, table.column(name), path, name) for name in names}


def _column(arrow: Any, column: Any, path: Path, name: str) -> Array:
    kind = column.type
    if arrow.types.is_floating(kind) or arrow.types.is_integer(kind) or arrow.types.is_boolean(kind):
        numbers: Array = column.to_numpy()
        return numbers.astype(np.float64) if numbers.dtype == object else numbers  # object: a bool or None
    types = arrow.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return np.array(column.to_pylist(), dtype=object)
    lists = column.combine_chunks()
    lengths = import_extra("pyarrow.compute", "io").list_value_length(lists).unique()
    values = lists.flatten().to_numpy(zero_copy_only=False)
    if len(lengths) != 1 or lists.null_count or values.dtype.kind not in "fiub":
        raise InvalidInputError(f"{path} must have lists of numbers of one length in column {name!r}")
    return np.asarray(values).reshape(len(lists), -1)


READERS: dict[str, Callable[[Path], Columns]] = {".csv": _csv, ".tsv": _csv, ".parquet": _parquet}
