"""The dask cluster that a command works on: processes of this machine, or workers of a scheduler."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer

from vicinal import _validation
from vicinal._errors import InvalidInputError, import_extra

Workers = Annotated[
    int | None, typer.Option(help="Work in so many processes of this machine, by dask; data need not fit in memory.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Work on a dask cluster whose workers can read the files: tcp://HOST:8786."),
]


def check_cluster(workers: int | None, scheduler: str | None) -> bool:
    """Return whether a cluster was asked for; raise InvalidInputError for options that cannot be used."""
    if workers is not None and scheduler is not None:
        raise InvalidInputError("--workers and --scheduler do not go together: a scheduler has workers of its own")
    if workers is not None:
        _validation.check_integer(workers, "--workers", minimum=1)
    if workers is None and scheduler is None:
        return False
    import_extra("dask.array", "dask")
    return True


@contextmanager
def cluster(workers: int | None, scheduler: str | None) -> Iterator[None]:
    """Have dask work on a cluster, and say where to watch it."""
    distributed: Any = import_extra("distributed", "dask")
    with (
        distributed.LocalCluster(workers, threads_per_worker=1, dashboard_address=":0")
        if scheduler is None
        else nullcontext(scheduler) as address,
        _client(distributed, address) as client,
        client.as_current(),
    ):
        if importlib.util.find_spec("bokeh") is None:
            typer.echo('to watch the workers, pip install "dask[diagnostics]"', err=True)
        else:
            typer.echo(f"watch the workers at {client.dashboard_link}", err=True)
        yield


def _client(distributed: Any, address: Any) -> Any:
    """Return a client of a cluster, or of the scheduler at an address."""
    try:
        return distributed.Client(address, set_as_default=False)  # a default that fails to connect stays the default
    except (OSError, ValueError) as error:  # nobody answers, or it is no address
        raise InvalidInputError(
            "--scheduler must be the address of a running dask scheduler, such as tcp://10.0.0.1:8786; got "
            f"{address} ({error})"
        ) from None
