"""What a terminal shows while one waits: a spinner, and a bar for what takes more than two seconds.

Both go to standard error, and only if that is a terminal. A late bar takes the place of the other display while it
is there: two displays at once would overwrite each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_QUIET_SECONDS = 2.0  # what takes no longer needs no bar

_display: Any = None  # the one on the terminal


@contextmanager
def spinner(doing: str) -> Iterator[Callable[[str], None]]:
    """Show that something goes on; yields a function that changes the text."""
    from rich.console import Console
    from rich.markup import escape

    status = Console(stderr=True).status(escape(doing))
    with shown(status):
        yield lambda text: status.update(escape(text))


@contextmanager
def shown(display: Any) -> Iterator[None]:
    """Show a display of rich, a status or a progress, which steps aside for bars that come late."""
    global _display
    with display:
        _display = display
        try:
            yield
        finally:
            _display = None


@contextmanager
def late_bar(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar labelled ``doing`` once that takes more than two seconds; yields a function to call with what is done.

    Examples
    --------
    >>> with late_bar("Counting", total=10) as advance:
    ...     for _ in range(5):
    ...         advance(2)
    """
    begin, done, bar = time.monotonic(), 0, None

    def advance(n_more: int) -> None:
        nonlocal done, bar
        done += n_more
        if bar is None and done < total and time.monotonic() - begin > _QUIET_SECONDS:
            bar = _bar(doing, total)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()
            if _display is not None:
                _display.start()


def _bar(doing: str, total: int) -> Any:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    if _display is not None:
        _display.stop()
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    bar.add_task(escape(doing), total=total)
    bar.start()
    return bar
