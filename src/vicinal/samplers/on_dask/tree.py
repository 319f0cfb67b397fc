"""One value of all parts of collections: a task for each part, and merges of pairs in a tree of tasks.

Tasks are functions of their arguments alone. So a part whose worker is lost is worked on again, with the same result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import getitem
from typing import Any
from uuid import uuid4

from dask import config, persist
from dask._task_spec import DataNode, Task, TaskRef
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from vicinal._errors import ClusterError, VicinalError

_LOST = ("CancelledError", "ClosedClientError", "CommClosedError", "FutureCancelledError", "FuturesCancelledError")


def reduced(of_part: Callable[..., Any], merge: Callable[[Any, Any], Any], *columns: Sequence[Delayed | None]) -> Any:
    """Return what ``merge`` makes of the values of all parts, which are ``of_part(i, *parts)``.

    Parameters
    ----------
    of_part : callable
        Function of the number of a part and of the part of each column; it may return None. It is sent once to each
        worker, so it may hold arrays.
    merge : callable
        Associative and commutative function of two values that are not None.
    columns : sequences of Delayed or None, each of length n_parts
        The parts; at least one.

    Returns
    -------
    object
        None if all values are None.

    Raises
    ------
    ClusterError
        If the scheduler or too many workers are lost.
    Exception
        What ``of_part`` or ``merge`` raises.

    Examples
    --------
    >>> from dask import delayed
    >>> reduced(lambda i, part: i * part, max, [delayed(3), delayed(4), delayed(1)])
    4
    """
    run = uuid4().hex  # results of an earlier run are not taken for those of this one
    shared, row = _row(run, (of_part, merge), columns)
    tasks = [shared, *row]
    while len(row) > 1:
        merges = [
            Task((f"merge-{run}", len(tasks), i), _merged, TaskRef(shared.key), TaskRef(a.key), TaskRef(b.key))
            for i, (a, b) in enumerate(zip(row[::2], row[1::2], strict=False))
        ]
        tasks += merges
        row = merges + row[len(row) // 2 * 2 :]  # an odd one waits for the next level
    return computed(_delayed(row[:1], tasks, columns)[0])


def each(of_part: Callable[..., Any], *columns: Sequence[Delayed | None]) -> list[Delayed]:
    """Return ``of_part(i, *parts)`` of every part, delayed; arguments are those of `reduced`.

    Examples
    --------
    >>> from dask import compute, delayed
    >>> compute(*each(lambda i, part: i * part, [delayed(3), delayed(4)]))
    (0, 4)
    """
    shared, row = _row(uuid4().hex, (of_part, None), columns)
    return _delayed(row, [shared, *row], columns)


def exchanged(
    rows: Sequence[Delayed], n_pieces: int, together: Callable[[Sequence[Any], Sequence[Any]], Any]
) -> list[Delayed]:
    """Return values that take a piece of every part, delayed: an exchange between all workers.

    Every part is a list of ``n_pieces``, whose first goes to all values. Value i is
    ``together(first pieces, pieces i + 1)``. Only these pieces travel.

    Examples
    --------
    >>> from dask import compute, delayed
    >>> parts = [delayed(["a", 1, 2]), delayed(["b", 3, 4])]
    >>> compute(*exchanged(parts, 3, lambda first, pieces: ("".join(first), sum(pieces))))
    (('ab', 4), ('ab', 6))
    """
    run = uuid4().hex
    shared = DataNode(f"exchange-{run}", together)
    pieces = [
        [Task((f"piece-{run}", i, k), getitem, TaskRef(row.key), k) for i, row in enumerate(rows)]
        for k in range(n_pieces)
    ]
    first = [TaskRef(piece.key) for piece in pieces[0]]
    values = [
        Task((f"exchanged-{run}", k), _together, TaskRef(shared.key), *first, *(TaskRef(each.key) for each in some))
        for k, some in enumerate(pieces[1:])
    ]
    return _delayed(values, [shared, *values, *(piece for some in pieces for piece in some)], [rows])


def _row(run: str, functions: tuple[Any, Any], columns: Sequence[Sequence[Delayed | None]]) -> tuple[Any, list[Task]]:
    """Return the node that holds functions, and a task of the first of them for every part."""
    shared, row = DataNode(f"pass-{run}", functions), []
    for i, parts in enumerate(zip(*columns, strict=True)):
        references = [None if part is None else TaskRef(part.key) for part in parts]
        row.append(Task((f"part-{run}", i), _of_part, TaskRef(shared.key), i, *references))
    return shared, row


def _delayed(
    values: Sequence[Task], tasks: Sequence[Any], columns: Sequence[Sequence[Delayed | None]]
) -> list[Delayed]:
    """Return some of the tasks as delayed values."""
    name, given = tasks[0].key, [part for column in columns for part in column if part is not None]
    graph = HighLevelGraph.from_collections(name, {task.key: task for task in tasks}, dependencies=given)
    return [Delayed(value.key, graph, layer=name) for value in values]


def computed(value: Delayed) -> Any:
    """Return a value that is computed by the current client of dask, or else by its threads on this machine."""
    # What the parts share travels in the graph, once: a worker that is lost must not take it away.
    quiet = {"distributed.admin.large-graph-warning-threshold": "1GiB"} if "distributed" in sys.modules else {}
    with cluster_errors(), config.set(quiet):
        return value.compute()


def persisted(values: Sequence[Delayed]) -> list[Delayed]:
    """Return values that are worked out on the workers from now on, and kept there as long as they are referred to."""
    with cluster_errors():
        return list(persist(*values))


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Raise a ClusterError for what dask raises if a scheduler or too many workers are lost."""
    try:
        yield
    except VicinalError:
        raise
    except Exception as error:
        distributed = sys.modules.get("distributed")
        kind = type(error).__name__
        if distributed is None or not type(error).__module__.startswith(("distributed", "concurrent", "asyncio")):
            raise
        if kind == "KilledWorker":
            raise ClusterError(
                f"one task ended worker after worker of the dask cluster, most likely for want of memory ({error}): "
                "make the chunks smaller, or give the workers more memory"
            ) from None
        if kind in _LOST or isinstance(error, TimeoutError):
            reason = str(error).strip().partition("\n")[0]
            raise ClusterError(
                f"the dask cluster gave no result, since its scheduler was lost or the work was cancelled ({reason}): "
                "connect a client to a running scheduler, and call again; nothing was changed"
            ) from None
        raise


def _of_part(functions: tuple[Callable[..., Any], Any], i: int, *parts: Any) -> Any:
    return functions[0](i, *parts)


def _together(together: Callable[[Sequence[Any], Sequence[Any]], Any], *pieces: Any) -> Any:
    n = len(pieces) // 2
    return together(pieces[:n], pieces[n:])


def _merged(functions: tuple[Any, Callable[[Any, Any], Any]], a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return functions[1](a, b)
