"""Everything that rows may come from gives the rows of the array it was made of."""

import tracemalloc

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder, array_files
from vicinal.streams.sources import open_source

ROWS = np.random.default_rng(0).random((23, 1, 4, 4), dtype=np.float32)
LABELS = np.arange(23) % 5
DOUBLE = Autoencoder(lambda images: images * 2, lambda latents: latents / 2)


def read(given, batch_size=5, **options):
    """Return all rows and labels, and the sizes of the batches."""
    found = list(open_source(given, "images", batch_size, labelled=True, **options).batches)
    labels = None if found[0][1] is None else np.concatenate([labels for _, labels in found])
    return np.concatenate([np.asarray(rows) for rows, _ in found]), labels, [len(rows) for rows, _ in found]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def data(torch):
    return torch.utils.data


class Chunked:
    """As an array of dask: blocks, and a number of rows that nobody knows."""

    shape, dtype, numblocks = (float("nan"), 1, 4, 4), ROWS.dtype, (3, 1, 1, 1)

    def __getitem__(self, key):
        raise AssertionError("a block at a time")

    @property
    def blocks(self):
        return [ROWS[:9], ROWS[9:11], ROWS[11:]]


def test_arrays():
    for given in (ROWS, ROWS.tolist(), ROWS.astype(">f4")):
        rows, labels, sizes = read(given)
        assert np.array_equal(rows, ROWS)
        assert labels is None
        assert sizes == [5, 5, 5, 5, 3]
    assert read(ROWS[:0])[0].shape == (0, 1, 4, 4)


def test_tensors_stay_tensors(torch):
    batches = list(open_source(torch.from_numpy(ROWS), "images", 10).batches)
    assert all(isinstance(rows, torch.Tensor) for rows, _ in batches)
    assert torch.equal(torch.cat([rows for rows, _ in batches]), torch.from_numpy(ROWS))


def test_iterables_of_batches():
    parts = [ROWS[:9], ROWS[9:10], ROWS[10:]]
    for given in (iter(parts), (part for part in parts), [(part,) for part in parts]):
        rows, labels, sizes = read(given)
        assert np.array_equal(rows, ROWS)
        assert sizes == [5, 4, 1, 5, 5, 3]
    pairs = [(ROWS[:9], LABELS[:9]), (ROWS[9:], LABELS[9:].tolist())]
    mappings = [{"label": LABELS[:9], "image": ROWS[:9]}, {"label": LABELS[9:], "image": ROWS[9:]}]
    for given in (pairs, mappings, (ROWS, LABELS), {"x": ROWS, "y": LABELS}, {"mine": ROWS, "target": LABELS}):
        rows, labels, _ = read(given)
        assert np.array_equal(rows, ROWS)
        assert np.array_equal(labels, LABELS)


def test_data_sets_and_loaders(torch, data):
    images, labels = torch.from_numpy(ROWS), torch.from_numpy(LABELS)

    class Stream(data.IterableDataset):
        def __iter__(self):
            return ({"pixel_values": image, "label": int(label)} for image, label in zip(images, labels, strict=True))

    pairs = data.TensorDataset(images, labels)
    state = torch.get_rng_state()
    for given in (
        pairs,
        Stream(),
        data.Subset(pairs, range(23)),
        data.DataLoader(pairs, batch_size=7, generator=torch.Generator()),
    ):
        rows, found, sizes = read(given)
        assert np.array_equal(rows, ROWS)
        assert np.array_equal(found, LABELS)
        assert max(sizes) == 5
    assert torch.equal(state, torch.get_rng_state())
    assert read(data.TensorDataset(images))[1] is None


def test_a_data_set_of_pictures_of_several_sizes(torch, data):
    image = pytest.importorskip("PIL.Image")
    pictures = [image.new("RGB", (8 + i, 9), (10 * i, 0, 255)) for i in range(6)]

    class Pictures(data.Dataset):
        def __init__(self, item):
            self.item = item

        def __len__(self):
            return 6

        def __getitem__(self, i):
            return self.item(i)

    for item in (lambda i: (pictures[i], i), lambda i: {"image": pictures[i], "label": np.uint8(i)}):
        rows, labels, _ = read(Pictures(item), image_size=4)
        assert rows.shape == (6, 3, 4, 4)
        assert labels.tolist() == list(range(6))
        assert np.allclose(rows[3, :, 0, 0], [30 / 255, 0, 1], atol=1e-6)
    assert read(Pictures(lambda i: pictures[0]))[0].shape == (6, 3, 9, 8)


def test_batches_of_tensors_are_resized(torch, data):
    rows = torch.from_numpy(ROWS)
    for given in (rows, data.DataLoader(data.TensorDataset(rows, rows[:, 0, 0, 0]), 7), data.TensorDataset(rows)):
        latents = vicinal.encode(DOUBLE, given, image_size=2)
        assert latents.shape == (23, 1, 2, 2)
        assert latents.dtype == torch.float32


@pytest.mark.parametrize("suffix", array_files.WRITTEN)
def test_files(tmp_path, suffix):
    """Images come from files of arrays, one by one, in lists and in pairs; latents from the same files."""
    table = suffix in (".csv", ".parquet")
    pytest.importorskip({".parquet": "pyarrow", ".zarr": "zarr"}.get(suffix, "csv"))
    rows = ROWS.reshape(23, 16) if table else ROWS
    rows = rows.astype(np.float64) if suffix == ".csv" else rows
    path = tmp_path / f"images{suffix}"
    array_files.write(path, rows)
    for given in (path, str(path)):
        assert np.array_equal(vicinal.encode(DOUBLE, given, batch_size=5), 2 * rows)
        assert np.array_equal(vicinal.decode(DOUBLE, given, batch_size=5), rows / 2)
        assert np.array_equal(vicinal.encode(DOUBLE, [given, given]), 2 * np.concatenate([rows, rows]))
    latents, labels = vicinal.encode(DOUBLE, [(path, LABELS)], return_labels=True)
    assert np.array_equal(latents, 2 * rows)
    assert np.array_equal(labels, LABELS)


def test_a_file_of_several_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "two.npz", a=ROWS, b=ROWS)
    with pytest.raises(
        ValueError,
        match=r"two.npz must hold one array, .*: save the one to use .* vicinal.array_files.open_array\(path",
    ):
        vicinal.encode(DOUBLE, tmp_path / "two.npz")


def test_latents_are_no_folder_of_images(tmp_path):
    pytest.importorskip("PIL.Image").new("L", (6, 6)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"must be a file of an array \(.npy, .*\); got another one"):
        vicinal.decode(DOUBLE, tmp_path)


def test_folders_of_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for i in range(7):
        (tmp_path / "ab"[i > 3]).mkdir(exist_ok=True)
        image.new("L", (6, 6), 10 * i).save(tmp_path / "ab"[i > 3] / f"{i}.png")
    rows, labels, sizes = read(tmp_path)
    assert labels.tolist() == ["a"] * 4 + ["b"] * 3
    assert rows.shape == (7, 1, 6, 6)
    assert sizes == [5, 2]
    assert rows[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert read(tmp_path, image_size=3)[0].shape == (7, 1, 3, 3)
    latents = vicinal.encode(DOUBLE, tmp_path)
    assert np.allclose(latents[6], 2 * 60 / 255)


@pytest.mark.parametrize("chunk", [1, 4, 7, 23])
def test_hdf5_and_zarr(tmp_path, chunk):
    h5py, zarr = pytest.importorskip("h5py"), pytest.importorskip("zarr")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("chunked", data=ROWS, chunks=(chunk, 1, 4, 4), compression="gzip")
        file.create_dataset("plain", data=ROWS)
        assert np.array_equal(read(file["chunked"])[0], ROWS)
        assert np.array_equal(read(file["plain"])[0], ROWS)
        assert np.array_equal(read(iter([file["plain"], file["chunked"]]))[0], np.concatenate([ROWS, ROWS]))
    stored = zarr.create_array(tmp_path / "a.zarr", data=ROWS, chunks=(chunk, 1, 4, 4))
    rows, _, sizes = read(stored)
    assert np.array_equal(rows, ROWS)
    assert max(sizes) <= 5
    assert np.array_equal(vicinal.encode(DOUBLE, tmp_path / "a.zarr"), 2 * ROWS)


def test_chunks_are_read_once():
    class Counting:
        shape, dtype, chunks = (100, 3), np.dtype(np.float32), (30, 3)

        def __init__(self):
            self.reads = []

        def __getitem__(self, key):
            self.reads.append((key.start, key.stop))
            return np.zeros((min(key.stop, 100) - key.start, 3), np.float32)

    given = Counting()
    assert sum(read(given, batch_size=8)[2]) == 100
    assert given.reads == [(0, 30), (30, 60), (60, 90), (90, 120)]


def test_blocks_of_dask():
    rows, _, sizes = read(Chunked())
    assert np.array_equal(rows, ROWS)
    assert sizes == [5, 4, 2, 5, 5, 2]
    dask = pytest.importorskip("dask.array")
    assert np.array_equal(read(dask.from_array(ROWS, chunks=(4, 1, 2, 2)))[0], ROWS)


def test_a_large_file_is_not_held_in_memory(tmp_path):
    large = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.float32, (200_000, 64))  # 51 MB
    large[:, 0] = np.arange(200_000)
    first = Autoencoder(lambda images: images[:, :1], len)
    tracemalloc.start()
    latents = vicinal.encode(first, tmp_path / "large.npy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(latents[:, 0], np.arange(200_000))
    assert peak < 5e6  # the latents are 0.8 MB


def test_labels_come_back_in_order(torch, data):
    loader = data.DataLoader(data.TensorDataset(torch.from_numpy(ROWS), torch.from_numpy(LABELS)), batch_size=7)
    latents, labels = vicinal.encode(DOUBLE, loader, return_labels=True)
    assert isinstance(latents, torch.Tensor)
    assert torch.equal(latents, 2 * torch.from_numpy(ROWS))
    assert np.array_equal(labels, LABELS)
    words = [(ROWS, [f"class {label}" for label in LABELS])]
    assert vicinal.encode(DOUBLE, words, return_labels=True)[1].tolist() == words[0][1]
    sampler = vicinal.PMFSampler(4, random_state=0).fit(latents, labels)
    assert vicinal.generate(DOUBLE, sampler, 3, y=2).shape == (3, 1, 4, 4)


def test_a_shuffled_loader_keeps_rows_and_labels_together(torch, data):
    loader = data.DataLoader(
        data.TensorDataset(torch.arange(23.0)[:, None], torch.arange(23)), 4, shuffle=True, drop_last=True
    )
    latents, labels = vicinal.encode(DOUBLE, loader, return_labels=True)
    assert np.array_equal(latents[:, 0].numpy(), 2 * labels)
    assert len(latents) == 20


def test_images_are_resized():
    assert vicinal.encode(DOUBLE, ROWS, image_size=2).shape == (23, 1, 2, 2)
    assert vicinal.encode(DOUBLE, (255 * ROWS).astype(np.uint8), image_size=2).max() <= 2.0
    assert np.array_equal(vicinal.encode(DOUBLE, ROWS, image_size=4), 2 * ROWS)
    with pytest.raises(ValueError, match="image_size must be an integer"):
        vicinal.encode(DOUBLE, ROWS, image_size=0)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (3, TypeError, r"images must be an array, a tensor, a path, a torch Dataset or DataLoader.*; got int"),
        (b"bytes", TypeError, "got bytes"),
        ([], ValueError, r"images must have shape \(n_samples, ...\); got \(0,\)"),
        (iter([]), ValueError, "images must hold at least one batch; got none"),
        (np.zeros(3), ValueError, r"images must have shape \(n_samples, ...\); got \(3,\)"),
        (iter([(ROWS, LABELS, LABELS)]), TypeError, r"arrays, pairs \(images, labels\) or mappings; got 3 values"),
        (iter([{"a": ROWS, "b": ROWS}]), ValueError, r"under one of the keys image, .*; got a, b: pass pairs"),
        ([(ROWS, LABELS[:20])], ValueError, "images must have one label a row; got 23 rows and 20 labels"),
        ([(ROWS, [*LABELS, 1])], ValueError, "images must have one label a row; got 23 rows and 24 labels"),
        (iter(["text.png"]), FileNotFoundError, "text.png"),
    ],
    ids=["number", "bytes", "empty list", "no batch", "one dimension", "three", "keys", "few", "many", "missing"],
)
def test_what_holds_no_rows_is_refused(given, error, said):
    with pytest.raises(error, match=said):
        read(given)


def test_pictures_are_rows():
    image = pytest.importorskip("PIL.Image")
    pictures = [image.new("RGB", (8, 9), (10 * i, 0, 255)) for i in range(6)]
    for given in (pictures, tuple(pictures)):
        rows, _, sizes = read(given)
        assert rows.shape == (6, 3, 9, 8)
        assert rows[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50]
        assert sizes == [5, 1]
        assert read(given, image_size=4)[0].shape == (6, 3, 4, 4)
    pictures[3] = image.new("RGB", (4, 9))
    assert read(pictures, image_size=4)[0].shape == (6, 3, 4, 4)
    with pytest.raises(ValueError, match=r"one size; got \(3, 9, 4\) and \(3, 9, 8\): pass image_size="):
        read(pictures)
    for given in (iter(pictures), [{"image": each, "label": 3} for each in pictures], {"image": pictures[0]}):
        with pytest.raises(ValueError, match="a batch of images must be an array; got one picture: pass a list of"):
            read(given)


@pytest.mark.parametrize("label", [3, np.int64(3), "cat", np.array(3)])
@pytest.mark.parametrize("labels", [[], ["labelled"]])
def test_a_row_with_its_label_is_no_batch(label, labels):
    row = np.zeros((5, 8, 8), np.float32)  # which would be five grey images
    for given in ([(row, label)], iter([(row, label)]), [{"image": row, "label": label}]):
        with pytest.raises(ValueError, match=r"a label for each row; got one label, .*shape \(5, 8, 8\): pass batches"):
            list(open_source(given, "images", 5, labelled=bool(labels)).batches)


def test_labels_that_are_not_there():
    for given in (ROWS, iter([ROWS])):
        with pytest.raises(ValueError, match="return_labels needs images with labels: a torch Dataset"):
            vicinal.encode(DOUBLE, given, return_labels=True)


def test_what_comes_beside_images_does_not_matter_without_labels(torch, data):
    boxes = [(ROWS[:9], {"boxes": [1, 2]}), (ROWS[9:], ROWS[9:])]
    assert np.array_equal(vicinal.encode(DOUBLE, boxes), 2 * ROWS)
    triples = data.TensorDataset(torch.from_numpy(ROWS), torch.from_numpy(LABELS), torch.from_numpy(LABELS))
    assert vicinal.encode(DOUBLE, triples).shape == ROWS.shape
    unlabelled = [(row, None) for row in torch.from_numpy(ROWS)]
    dataset = type(
        "Unlabelled", (data.Dataset,), {"__getitem__": lambda s, i: unlabelled[i], "__len__": lambda s: 23}
    )()
    assert np.array_equal(vicinal.encode(DOUBLE, dataset), 2 * ROWS)
    with pytest.raises(TypeError, match="got 3 values: yield two"):
        vicinal.encode(DOUBLE, triples, return_labels=True)
