"""Files of latents and images: the rows of memory, whole or not at all."""

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder, array_files

ROWS = np.random.default_rng(0).random((23, 2, 3), dtype=np.float32)
SAME = Autoencoder(lambda images: images, lambda latents: latents)


@pytest.fixture(params=[".npy", ".npz", ".safetensors", ".zarr"])
def out(request, tmp_path):
    if request.param == ".zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"latents{request.param}"


@pytest.mark.parametrize("given", [ROWS, [(ROWS[:9],), (ROWS[9:],)], ROWS[:0]], ids=["array", "batches", "no rows"])
def test_a_file_holds_what_memory_would(out, given):
    expected = vicinal.encode(SAME, given, batch_size=4)
    found = vicinal.encode(SAME, given, batch_size=4, out=out)
    assert np.array_equal(np.asarray(found[:]), expected)
    assert found.dtype == expected.dtype
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    if out.suffix == ".npy":
        assert np.array_equal(np.load(out), expected)
        assert isinstance(found, np.memmap) or not len(found)
    if out.suffix == ".npz":
        assert np.array_equal(np.load(out)["latents"], expected)


def test_tensors_and_short_floats(out):
    torch = pytest.importorskip("torch")
    half = Autoencoder(torch.nn.Linear(3, 2).half(), len)
    found = vicinal.encode(half, torch.from_numpy(ROWS[:, 0]), out=out)
    assert found.dtype == np.float16
    assert np.array_equal(np.asarray(found[:]), vicinal.encode(half, ROWS[:, 0]))


def test_a_failure_leaves_what_was_there(out):
    vicinal.encode(SAME, ROWS, out=out)

    def fails(images):
        if images[0, 0, 0] == ROWS[8, 0, 0]:
            raise RuntimeError("in the third batch")
        return images

    with pytest.raises(RuntimeError, match="in the third batch"):
        vicinal.encode(Autoencoder(fails, len), ROWS, batch_size=4, out=out)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert len(vicinal.encode(SAME, out)) == 23
    vicinal.encode(SAME, ROWS[:3], out=out)
    assert np.array_equal(vicinal.encode(SAME, out), ROWS[:3])


def test_a_first_failure_leaves_nothing(out):
    def batches():
        yield ROWS[:5]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vicinal.encode(SAME, batches(), out=out)
    assert list(out.parent.iterdir()) == []


def test_generated_images_in_a_file(out):
    sampler = vicinal.PMFSampler(4).fit(ROWS[:, 0], np.arange(23) % 2)
    found = vicinal.generate(SAME, sampler, 20_001, random_state=3, start=7, batch_size=1000, out=out)
    assert np.array_equal(np.asarray(found[:]), vicinal.generate(SAME, sampler, 20_001, random_state=3, start=7))
    y = np.arange(20_001) % 2
    found = vicinal.generate(SAME, sampler, 20_001, y=y, random_state=3, out=out)
    assert np.array_equal(np.asarray(found[:]), sampler.sample(20_001, y=y, random_state=3))
    fresh = np.asarray(vicinal.generate(SAME, sampler, 20_001, out=out)[:])
    assert len(np.unique(fresh, axis=0)) > 20_000  # blocks do not repeat each other without a seed
    with pytest.raises(ValueError, match="y must be one label, or one for each of 20001 samples; got 2"):
        vicinal.generate(SAME, sampler, 20_001, y=[0, 1], out=out)


def test_decoded_images_in_a_file(out):
    assert np.array_equal(np.asarray(vicinal.decode(SAME, ROWS, out=out)[:]), ROWS)


def test_paths_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match=r"out must end in .npy, .npz, .*zarr.* or .csv; got .*latents.txt"):
        vicinal.encode(SAME, ROWS, out=tmp_path / "latents.txt")
    with pytest.raises(ValueError, match=r"a table, .csv or .parquet, takes rows of shape \(n, d\)"):
        vicinal.encode(SAME, ROWS, out=tmp_path / "latents.csv")
    with pytest.raises(FileNotFoundError, match="out must be in a folder that exists"):
        vicinal.encode(SAME, ROWS, out=tmp_path / "nowhere" / "latents.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(ValueError, match=r"out must be the path of a file; .*folder.npy is a folder"):
        vicinal.encode(SAME, ROWS, out=tmp_path / "folder.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npy"]


def test_a_folder_that_is_not_of_zarr_is_not_replaced(tmp_path):
    pytest.importorskip("zarr")
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "thesis.txt").write_text("years")
    with pytest.raises(ValueError, match=r"out must be new, or a folder of Zarr; .* holds something else"):
        vicinal.encode(SAME, ROWS, out=tmp_path / "mine.zarr")
    assert (tmp_path / "mine.zarr" / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize("block", [100, 1 << 20])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".zarr"])
def test_blocks_join_to_all_rows(tmp_path, monkeypatch, suffix, block):
    """Whatever the sizes of batches and of what is written together, and with fewer rows than fit in a block."""
    pytest.importorskip({".parquet": "pyarrow", ".zarr": "zarr"}.get(suffix, "csv"))
    monkeypatch.setattr("vicinal.array_files.formats._BLOCK", block)
    rows = np.random.default_rng(0).normal(size=(57, 3)).astype(np.float32)
    for sizes in ([1] * 56, [30, 30], [0, 2, 9, 40, 56], []):
        found = vicinal.encode(SAME, iter(np.split(rows, sizes)), out=tmp_path / f"z{suffix}", batch_size=64)
        assert np.array_equal(np.asarray(found[:]).astype(np.float32), rows)
    with pytest.raises(ValueError, match="images must hold at least one batch; got none"):
        vicinal.encode(SAME, iter([]), out=tmp_path / f"z{suffix}")
    assert len(vicinal.encode(SAME, tmp_path / f"z{suffix}")) == 57


def test_a_sink_takes_the_rows_of_several_calls(tmp_path):
    with array_files.open_file(tmp_path / "z.npy") as sink:
        assert vicinal.encode(SAME, ROWS[:9], out=sink) is None
        vicinal.encode(SAME, ROWS[9:], out=sink)
    assert (sink.n_rows, sink.shape) == (23, (2, 3))
    assert np.array_equal(sink.result(), ROWS)


def test_rows_of_several_types_are_refused(out):
    with pytest.raises(ValueError, match="encode must return rows of one type; got float32 and then float64"):
        vicinal.encode(SAME, iter([ROWS, ROWS.astype(np.float64)]), out=out)
    with pytest.raises(ValueError, match=r"encode must return rows of one shape; got \(2, 3\) and then \(2, 2\)"):
        vicinal.encode(SAME, iter([ROWS, ROWS[:, :, :2]]), out=out)
    assert list(out.parent.iterdir()) == []
