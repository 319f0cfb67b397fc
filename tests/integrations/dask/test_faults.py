"""Workers and schedulers that end in the middle of the work."""

import copy
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from dask import array
from distributed import Client, default_client

from vicinal import Autoencoder
from vicinal._errors import ClusterError
from vicinal.integrations import dask as on_dask
from vicinal.samplers import LocalSampler, PMFSampler


def once(block, folder, chunk, visit, block_info=None):
    """Return the block; the process ends when this chunk is worked on for the so many-th time, but only once."""
    if block_info[0]["chunk-location"][0] == chunk:
        visits = len(list(folder.glob("visit-*")))
        (folder / f"visit-{visits}").touch()
        if visits == visit:
            os.kill(os.getpid(), signal.SIGKILL)
    return block


def deadly(collection, folder, chunk, visit):
    folder.mkdir()
    empty = np.empty((0,) * collection.ndim, collection.dtype)
    return collection.map_blocks(once, folder, chunk, visit, dtype=collection.dtype, meta=empty)


def check_kills(n, folder):
    """Fit and sample n times, each time with another chunk and pass in which a worker is killed."""
    latents = np.random.default_rng(0).normal(size=(3000, 3)).astype(np.float32)
    local = PMFSampler(random_state=0).fit(latents)
    for i in range(n):
        collection = deadly(array.from_array(latents, chunks=500), folder / f"fit{i}", i % 6, i % 4)
        fitted = on_dask.fit(PMFSampler(random_state=0), collection)
        assert np.array_equal(fitted.cells_, local.cells_)
        assert np.array_equal(fitted.counts_, local.counts_)
        assert (fitted.n_bins_, fitted.nn_ratio_) == (local.n_bins_, local.nn_ratio_)
        drawn = deadly(on_dask.sample(fitted, 60, 10), folder / f"sample{i}", i % 6, 0)
        assert np.array_equal(drawn.compute(), local.sample(60))
        for name in ("fit", "sample"):
            assert len(list((folder / f"{name}{i}").glob("visit-*"))) > 1 + (name == "fit") * (i % 4)


def check_kills_of_leaves(n, folder):
    """Fit a LocalSampler n times; a worker is killed while latents move, and another that holds fitted leaves."""
    latents = np.random.default_rng(0).normal(size=(6000, 3)).astype(np.float32)
    sampler = LocalSampler(20, scale=1.0, max_memory="500KB", random_state=0)
    local = copy.copy(sampler).fit(latents)
    for i in range(n):
        collection = deadly(array.from_array(latents, chunks=1000), folder / f"local{i}", i % 6, i % 2)
        shards = on_dask.fit_shards(sampler, collection)
        assert len(shards.parts) > 2
        assert len(list((folder / f"local{i}").glob("visit-*"))) > 1 + i % 2
        holders = default_client().who_has(shards.parts[i % len(shards.parts)])
        worker = next(iter(holders.values()))[0]
        os.kill(default_client().run(os.getpid, workers=[worker])[worker], signal.SIGKILL)
        assert np.array_equal(on_dask.sample(shards, 500, 100).compute(), local.sample(500))


def check_kills_of_encoders(n, folder):
    """Encode n times; each time a worker is killed that has an autoencoder."""
    rows = np.random.default_rng(0).normal(size=(600, 3))
    half = Autoencoder(lambda images: images / 2, lambda latents: latents * 2)
    for i in range(n):
        images = deadly(array.from_array(rows, chunks=(100, 3)), folder / f"encode{i}", i % 6, i % 6 == 0)
        assert np.array_equal(on_dask.encode(half, images).compute(), rows / 2)
        assert len(list((folder / f"encode{i}").glob("visit-*"))) > 1


def test_a_killed_worker_changes_nothing(own_cluster, tmp_path):
    check_kills(1, tmp_path)
    check_kills_of_leaves(1, tmp_path)
    check_kills_of_encoders(1, tmp_path)


@pytest.mark.slow("kills a worker sixty times, and waits for the next")
def test_many_killed_workers_change_nothing(own_cluster, tmp_path):
    check_kills(20, tmp_path)
    check_kills_of_leaves(20, tmp_path)
    check_kills_of_encoders(20, tmp_path)


@pytest.mark.slow("four workers end, and dask waits for the next each time")
def test_a_chunk_that_ends_every_worker_is_an_error(own_cluster):
    def end(block):
        os.kill(os.getpid(), signal.SIGKILL)

    collection = array.ones((100, 2), chunks=50).map_blocks(end, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(ClusterError, match="make the chunks smaller"):
        on_dask.fit(PMFSampler(4), collection)


@pytest.fixture
def processes(tmp_path):
    """Return the processes of a scheduler and of a worker; their address is in a file, as on a cluster."""
    file = ["--scheduler-file", str(tmp_path / "scheduler.json")]
    commands = [
        ["distributed.cli.dask_scheduler", *file, "--port", "0", "--dashboard-address", ":0", "--host", "127.0.0.1"],
        ["distributed.cli.dask_worker", *file, "--no-nanny", "--nthreads", "1", "--dashboard-address", ":0"],
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    started = [subprocess.Popen([sys.executable, "-m", *command], **quiet) for command in commands]  # noqa: S603
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_a_lost_scheduler_is_one_clear_error(processes, tmp_path):
    begun = tmp_path / "begun"

    def wait(block):
        begun.touch()
        time.sleep(60)
        return block

    def end_scheduler():
        while not begun.exists():
            time.sleep(0.05)
        processes[0].kill()

    collection = array.ones((100, 2), chunks=50).map_blocks(wait, dtype=float, meta=np.empty((0, 0)))
    sampler = PMFSampler(4, random_state=0).fit(np.eye(3))
    before = sampler.sample(5)
    with Client(scheduler_file=str(tmp_path / "scheduler.json"), timeout="60s"):
        thread = threading.Thread(target=end_scheduler)
        thread.start()
        with pytest.raises(ClusterError, match="connect a client to a running scheduler"):
            on_dask.fit(sampler, collection)
        thread.join()
    assert np.array_equal(sampler.sample(5), before)
