"""Files in parts, read by other processes, hold what the files hold together."""

import pickle

import numpy as np
import pytest

from vicinal._errors import InvalidInputError
from vicinal.array_files import parts, read_dataset

ROWS = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_PART", 100)  # bytes: eight rows
    np.save(tmp_path / "a.npy", ROWS[:30])
    np.savez(tmp_path / "b.npz", ROWS[30:])
    names = ["ant", "bee"] * 25
    (tmp_path / "kinds.csv").write_text("kind\n" + "".join(f"{name}\n" for name in names))
    for i, some in enumerate((slice(30), slice(30, 50))):
        lines = [",".join(map(str, row)) + f",{name}\n" for row, name in zip(ROWS[some], names[some], strict=True)]
        (tmp_path / f"{i}.csv").write_text("z0,z1,z2,kind\n" + "".join(lines))
    return tmp_path


def read(found):
    """Return what parts hold, read from their pickles."""
    batches = [pickle.loads(pickle.dumps(part)).read() for part in found]  # noqa: S301
    pairs = [batch if isinstance(batch, tuple) else (batch, None) for batch in batches]
    rows, labels = zip(*pairs, strict=True)
    return np.concatenate(rows), None if labels[0] is None else np.concatenate(labels)


@pytest.mark.parametrize(
    ("names", "labels"),
    [(["a.npy", "b.npz"], None), (["a.npy", "b.npz"], "kinds.csv"), (["0.csv", "1.csv"], "kind"), (["b.npz"], None)],
)
def test_parts_hold_the_data_set(folder, names, labels):
    files = [folder / name for name in names]
    labels = str(folder / labels) if labels is not None and "." in labels else labels
    found = parts.parts_of(files, labels=labels)
    expected, y = read_dataset(files, labels=labels)
    rows, read_labels = read(found)
    assert rows.dtype == expected.dtype
    assert np.array_equal(rows, expected)
    assert (y is None) == (read_labels is None)
    assert y is None or np.array_equal(read_labels, y)


def test_a_large_array_has_several_parts(folder):
    assert [(part.first, part.last) for part in parts.parts_of([folder / "a.npy"])] == [
        (0, 8),
        (8, 16),
        (16, 24),
        (24, 30),
    ]


def test_a_file_of_labels_does_not_go_with_tables(folder):
    with pytest.raises(InvalidInputError, match="must be a column of them"):
        parts.parts_of([folder / "0.csv"], labels=str(folder / "kinds.csv"))


def test_an_absent_table_is_said_at_once(folder):
    with pytest.raises(FileNotFoundError):
        parts.parts_of([folder / "absent.parquet"])
