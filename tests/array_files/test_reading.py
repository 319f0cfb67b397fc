"""Files of arrays: what is read, from each kind, and what is refused."""

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from vicinal import array_files
from vicinal._errors import FileFormatError, InvalidInputError, MissingExtraError
from vicinal.array_files import dataset
from vicinal.samplers import GaussianSampler, PMFSampler

ROWS = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
CLASSES = np.repeat(["ant", "bee", "cat"], 40)


def save(path: Path, rows=ROWS, labels=None):
    """Write rows to a file of the kind that its suffix says; labels under that name, if the kind has names."""
    _SAVERS[path.suffix](path, rows, {} if labels is None else {"labels": labels})


def _safetensors(path, rows, more):
    from safetensors.numpy import save_file

    save_file({"latents": rows, **more}, path)


def _torch(path, rows, more):
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(array) for name, array in {"latents": rows, **more}.items()}, path)


def _hdf5(path, rows, more):
    with pytest.importorskip("h5py").File(path, "w") as file:
        file["group/latents"] = rows
        for name, labels in more.items():
            file[name] = labels.astype(object)


def _zarr(path, rows, more):
    group = pytest.importorskip("zarr").open_group(path, mode="w")
    for name, array in {"latents": rows, **more}.items():
        group.create_array(name, data=array)


def _table(path, rows, more):
    frame = pytest.importorskip("pandas").DataFrame(rows, columns=["a", "b", "c"]).assign(**more)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)


_SAVERS = {
    ".npy": lambda path, rows, _more: np.save(path, rows),
    ".npz": lambda path, rows, more: np.savez(path, latents=rows, **more),
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".h5": _hdf5,
    ".zarr": _zarr,
    ".parquet": _table,
    ".csv": _table,
}
KINDS = [*_SAVERS]


@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_gives_the_rows(tmp_path, suffix):
    save(tmp_path / f"z{suffix}")
    found = array_files.read(tmp_path / f"z{suffix}")
    assert np.array_equal(found.astype(np.float32), ROWS)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("in_memory", [1 << 28, 0])
def test_several_files_are_one_data_set(tmp_path, suffix, in_memory, monkeypatch):
    """In memory or in batches: the fitted sampler has the bits of one fitted to the array."""
    monkeypatch.setattr(dataset, "_IN_MEMORY", in_memory)
    monkeypatch.setattr(dataset, "_BATCH", 256)
    files = [tmp_path / f"{i}{suffix}" for i in range(3)]
    for path, rows in zip(files, np.split(ROWS, [70, 71]), strict=True):
        save(path, np.ascontiguousarray(rows))
    X, y = array_files.read_dataset(files)
    fitted = PMFSampler(4, random_state=0).fit(X, y)
    assert fitted.n_samples_seen_ == 120
    rows = np.concatenate([array_files.read(path) for path in files])
    assert np.array_equal(rows.astype(np.float32), ROWS)
    assert np.array_equal(fitted.sample(50), PMFSampler(4, random_state=0).fit(rows).sample(50))


@pytest.mark.parametrize("suffix", [kind for kind in KINDS if kind != ".npy"])
@pytest.mark.parametrize("in_memory", [1 << 28, 0])
def test_labels_beside_the_rows(tmp_path, suffix, in_memory, monkeypatch):
    monkeypatch.setattr(dataset, "_IN_MEMORY", in_memory)
    text = suffix in (".h5", ".parquet", ".csv")
    save(tmp_path / f"z{suffix}", labels=CLASSES if text else np.arange(120) // 40)
    X, y = array_files.read_dataset([tmp_path / f"z{suffix}"], labels="labels")
    fitted = GaussianSampler(random_state=0).fit(X, y)
    assert fitted.classes_.tolist() == (["ant", "bee", "cat"] if text else [0, 1, 2])
    assert fitted.n_features_in_ == 3


def test_a_file_of_labels_is_of_all_files(tmp_path, monkeypatch):
    for i, rows in enumerate(np.split(ROWS, [50])):
        np.save(tmp_path / f"{i}.npy", rows)
    files = [tmp_path / "0.npy", tmp_path / "1.npy"]
    (tmp_path / "y.csv").write_text("kind\n" + "\n".join(CLASSES))
    np.save(tmp_path / "y.npy", np.arange(120.0) // 40)
    assert np.array_equal(array_files.read_dataset(files, labels=str(tmp_path / "y.csv"))[1], CLASSES)
    assert array_files.read_dataset(files, labels=str(tmp_path / "y.npy"))[1].dtype == np.int64
    with pytest.raises(InvalidInputError, match="one for each of 50 rows; got 120"):
        array_files.read_dataset(files[:1], labels=str(tmp_path / "y.npy"))
    with pytest.raises(InvalidInputError, match=r"'kind' is neither: it has  \(50, 3\)"):
        array_files.read_dataset(files[:1], labels="kind")


def test_large_files_are_not_read_whole(tmp_path):
    """64 MiB are fitted with a peak below 40 MiB; the batches may be read again."""
    h5py, rows = pytest.importorskip("h5py"), np.zeros((1 << 20, 16), np.float32)
    rows[:] = np.arange(1 << 20)[:, None] % 977
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file.create_dataset("z", data=rows, chunks=(10_000, 16))
    X = array_files.dataset._Batches([dataset.part_of(tmp_path / "z.h5", None, None)], rows.dtype, None)
    PMFSampler(4, random_state=0).fit(rows[:100])  # compiles
    tracemalloc.start()
    fitted = PMFSampler(4, random_state=0).fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitted.n_samples_seen_ == 1 << 20
    assert fitted.upper_[0] == 976
    assert peak < 40 << 20


def test_anndata(tmp_path):
    """Embeddings by key, categories and columns of text as labels; a sparse matrix is refused."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        file["obsm/X_pca"], file["obsm/X_umap"] = ROWS, ROWS[:, :2]
        file["obs/batch"] = ["x"] * 60 + ["y"] * 60
        file["obs/kind/codes"], file["obs/kind/categories"] = np.arange(120) // 40, ["ant", "bee", "cat"]
        file["obs/kind"].attrs["encoding-type"] = "categorical"
        file["X/data"] = np.ones(3)
        file["X"].attrs.update({"encoding-type": "csr_matrix", "shape": (120, 999)})
    path = tmp_path / "cells.h5ad"
    for labels in ("kind", "obs/kind"):
        X, y = array_files.read_dataset([path], "obsm/X_pca", labels)
        assert np.array_equal(X, ROWS)
        assert np.array_equal(y, CLASSES)
    assert set(array_files.read_dataset([path], "obsm/X_pca", "batch")[1]) == {"x", "y"}
    with pytest.raises(InvalidInputError, match=r"obsm/X_pca \(120, 3\), obsm/X_umap \(120, 2\): save the one to use"):
        array_files.read(path)
    with pytest.raises(FileFormatError, match=r"cells.h5ad: X must be a dense array of numbers"):
        array_files.read(path, "X")
    with h5py.File(path, "r+") as file:
        file["obs/kind/codes"][0] = -1
    with pytest.raises(InvalidInputError, match="1 have none"):
        array_files.read_dataset([path], "obsm/X_pca", "kind")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("z0,z1\n1,2\n", [[1, 2]]),
        ("\ufeffa;b\n1;2\n", [[1, 2]]),
        ("a\tb\n1\t2e3\n", [[1, 2000]]),
        ('"a, b",c\n1,"2"\n', [[1, 2]]),
        ("3\n1\n", [[3], [1]]),
    ],
)
def test_headers_and_separators(tmp_path, text, expected):
    (tmp_path / "z.csv").write_text(text, "utf-8")
    assert array_files.read(tmp_path / "z.csv").tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ("0,1,2\n5,6,7\n", [[5, 6, 7]], "first row counts the columns"),
        (",a\n0,5\n1,6\n", [[5], [6]], "first column numbers the rows"),
        ("a,label\n5,0\n6,1\n", [[5, 0], [6, 1]], "'label' is taken as data; if it is the class, pass --labels label"),
    ],
)
def test_what_pandas_writes_is_said(tmp_path, text, expected, said):
    (tmp_path / "z.csv").write_text(text)
    with pytest.warns(UserWarning, match=said):
        found = array_files.read(tmp_path / "z.csv")
    assert found.tolist() == expected


def test_columns_of_a_table(tmp_path):
    (tmp_path / "z.csv").write_text("a,kind,b\n1,x,2\n3,y,4\n")
    assert array_files.read(tmp_path / "z.csv", "b,a").tolist() == [[2, 1], [4, 3]]
    X, y = array_files.read_dataset([tmp_path / "z.csv"], labels="kind")
    assert (X.tolist(), y.tolist()) == ([[1, 2], [3, 4]], ["x", "y"])
    with pytest.raises(InvalidInputError, match="'kind' has text, such as 'x': leave it out, or name it with labels="):
        array_files.read(tmp_path / "z.csv")
    with pytest.raises(InvalidInputError, match="has no column 'c'; it has 'a', 'kind', 'b'"):
        array_files.read(tmp_path / "z.csv", "c")


def test_a_column_of_lists(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"id": [7, 8], "embedding": [[1.0, 2.0], [3.0, 4.0]], "kind": ["x", "y"]})
    parquet.write_table(table, tmp_path / "z.parquet")
    X, y = array_files.read_dataset([tmp_path / "z.parquet"], "embedding", "kind")
    assert (X.tolist(), y.tolist()) == ([[1, 2], [3, 4]], ["x", "y"])
    parquet.write_table(arrow.table({"embedding": [[1.0, 2.0, 3.0], [3.0]]}), tmp_path / "z.parquet")
    with pytest.raises(InvalidInputError, match="lists of numbers of one length in column 'embedding'"):
        array_files.read(tmp_path / "z.parquet")


def test_bfloat16(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    rows = torch.from_numpy(ROWS).bfloat16()
    save_file({"z": rows}, tmp_path / "z.safetensors")
    torch.save(rows, tmp_path / "z.pt")
    for name in ("z.safetensors", "z.pt"):
        assert np.array_equal(array_files.read(tmp_path / name), rows.float().numpy())


def test_nothing_is_unpickled(tmp_path):
    torch = pytest.importorskip("torch")
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", np.array([{}], dtype=object))
    torch.save({"latents": Path("x")}, tmp_path / "a.pt")
    for name in ("a.npy", "a.npz", "a.pt"):
        with pytest.raises(FileFormatError, match="never unpickled") as caught:
            array_files.read(tmp_path / name)
        assert "allow_pickle" not in str(caught.value)
        assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("suffix", KINDS)
def test_damaged_files(tmp_path, suffix):
    path = tmp_path / f"z{suffix}"
    save(path)
    if suffix == ".zarr":
        (path / "zarr.json").write_text("{")
    else:
        path.write_bytes(path.read_bytes()[:40] if suffix != ".csv" else b"a,b\n1,2\n3,\n")
    with pytest.raises(FileFormatError, match=str(path)):
        array_files.read_dataset([path])


def test_files_that_do_not_fit(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    np.save(tmp_path / "b.npy", ROWS[:, :2])
    np.save(tmp_path / "flat.npy", ROWS[:, 0])
    with pytest.raises(InvalidInputError, match=r"one shape; got \(3,\) in .*a.npy and \(2,\) in .*b.npy"):
        array_files.read_dataset([tmp_path / "a.npy", tmp_path / "b.npy"])
    with pytest.raises(InvalidInputError, match=r"two or more dimensions; got shape \(120,\)"):
        array_files.read_dataset([tmp_path / "flat.npy"])
    with pytest.raises(InvalidInputError, match=r"leave out the key 'z'"):
        array_files.read(tmp_path / "a.npy", "z")
    with pytest.raises(InvalidInputError, match=r"must be a file of an array .*got another one: name the files in it"):
        array_files.read(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"absent.csv"):
        array_files.read(tmp_path / "absent.csv")
    PMFSampler(4, random_state=0).fit(ROWS).save(tmp_path / "s.safetensors")
    with pytest.raises(InvalidInputError, match="holds what vicinal saved"):
        array_files.read(tmp_path / "s.safetensors")


@pytest.mark.parametrize(("suffix", "package"), [(".h5", "h5py"), (".zarr", "zarr"), (".parquet", "pyarrow.parquet")])
def test_missing_packages(tmp_path, suffix, package, monkeypatch):
    (tmp_path / f"z{suffix}").write_bytes(b"")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'run: pip install "vicinal\[io\]"'):
        array_files.read(tmp_path / f"z{suffix}")
