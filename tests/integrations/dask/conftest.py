"""One cluster of two worker processes for all tests of dask."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="dask and distributed are not installed")

from dask import config
from distributed import Client, LocalCluster

_QUIET = {  # tests share two cores: a slow answer is no lost worker, and a killed one is given the time to come back
    "distributed.comm.timeouts.connect": "60s",
    "distributed.deploy.lost-worker-timeout": "1 hour",
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.memory.rebalance.measure": "managed",
}


def pytest_collection_modifyitems(items):
    """Run all tests of this folder in one process, which has the cluster."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("dask"))


def local_cluster(folder, **options):
    """Return a cluster of two processes of one thread, with its files in a folder; a port is taken that is free."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True} | options
    return LocalCluster(dashboard_address=":0", local_directory=str(folder), memory_limit=0, **options)


@pytest.fixture(scope="session")
def client(tmp_path_factory):
    """Return a client of a cluster of two processes, which all tests share: do not harm its workers."""
    with (
        config.set(_QUIET),
        local_cluster(tmp_path_factory.mktemp("dask")) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def own_cluster(tmp_path):
    """Return a cluster of two processes that a test may harm; its client is the current one."""
    with config.set(_QUIET), local_cluster(tmp_path / "cluster") as cluster, Client(cluster):
        yield cluster
