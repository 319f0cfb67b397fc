"""Files of arrays that are written: the kind that the suffix says, whole or not at all."""

import csv

import numpy as np
import pytest

from vicinal import array_files
from vicinal._errors import InvalidInputError, MissingExtraError

ROWS = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
BEGINS = {".npy": b"\x93NUMPY", ".npz": b"PK", ".parquet": b"PAR1", ".csv": b"z0,z1,z2\n"}


@pytest.mark.parametrize("suffix", array_files.WRITTEN)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_written_is_read_again(tmp_path, suffix, dtype):
    path = tmp_path / f"z{suffix.upper()}"
    rows = np.asfortranarray(ROWS.astype(dtype) / 3)
    array_files.write(path, rows)
    if suffix in BEGINS:
        assert path.read_bytes().startswith(BEGINS[suffix])
    assert np.array_equal(array_files.read(path).astype(dtype), rows)
    assert [*tmp_path.iterdir()] == [path]


def test_csv_is_what_others_read(tmp_path):
    array_files.write(tmp_path / "z.csv", ROWS)
    with (tmp_path / "z.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["z0", "z1", "z2"]
    assert np.array_equal(np.array(rows[1:], np.float32), ROWS)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_takes_vectors_alone(tmp_path, suffix):
    with pytest.raises(InvalidInputError, match=r"shape \(n, d\); got rows of shape \(2, 2\): write .npy"):
        array_files.write(tmp_path / f"z{suffix}", np.zeros((5, 2, 2)))
    assert not [*tmp_path.iterdir()]


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"--output must end in .npy, .npz, .* or .csv; got .*z.txt"):
        array_files.check_writable(tmp_path / "z.txt", "--output")


def test_a_missing_package_is_known_before_the_work(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "vicinal\[io\]"'):
        array_files.check_writable("z.parquet")
