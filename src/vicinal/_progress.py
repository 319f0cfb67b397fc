"""What a terminal shows while one waits: the only progress bars of vicinal.

Everything goes to standard error. On a terminal, and in a Jupyter notebook with ipywidgets, a bar appears once its work
has taken two seconds, and goes away when the work is done. Bars may be nested: all of them are lines of one display.
Elsewhere, such as in the log of a job, a line says how far the work is once it has taken two seconds, and then once a
minute at most, whatever the number of bars.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

QUIET_SECONDS = 2.0  # shorter work shows no bar
LINE_SECONDS = 60.0  # between two lines, without a terminal

_display: Any = None  # the one on the terminal, as long as there are bars
_last_line = float("-inf")  # when one was written last, by any bar


class Bar:
    """How far some work is; `bar` makes one."""

    def __init__(self, doing: str, total: int | None, done: int, show: bool) -> None:
        self._doing, self._total, self._done, self._note = doing, total, done, ""
        self._show = show
        self._task: Any = None  # the line of the display, on a terminal
        self._begin = time.monotonic()

    def advance(self, n_steps: int = 1) -> None:
        """Count more steps as done."""
        self._done += n_steps
        self._changed()

    def set(self, *, doing: str | None = None, note: str | None = None) -> None:
        """Change the label, or the note behind the bar, such as the last loss."""
        self._doing = self._doing if doing is None else doing
        self._note = self._note if note is None else note
        self._changed()

    def say(self, line: str) -> None:
        """Leave a line on standard error, above the bars, unless this one is silent."""
        if self._show:
            say(line)

    def _changed(self) -> None:
        global _last_line
        if self._task is not None:
            from rich.markup import escape

            if not _display.live.is_started and time.monotonic() - self._begin > QUIET_SECONDS:
                _display.start()
            _display.update(self._task, description=escape(self._doing), completed=self._done, note=self._note)
            return
        now = time.monotonic()
        if self._show and now - self._begin > QUIET_SECONDS and now - _last_line > LINE_SECONDS:
            _last_line = now
            of = "" if self._total is None else f" {self._done}/{self._total}"
            say(f"{self._doing}{of} {now - self._begin:.0f} s {self._note}".rstrip())


@contextmanager
def bar(doing: str, total: int | None = None, *, done: int = 0, show: bool = True) -> Iterator[Bar]:
    """Show how far some work is, once it takes more than two seconds, and give a `Bar` to be told of each step.

    ``doing`` is its label, ``total`` its steps, None if nobody knows, and ``done`` those that are done already. If not
    ``show``, the bar is silent.

    Examples
    --------
    >>> with bar("Counting", total=10) as progress:
    ...     for _ in range(5):
    ...         progress.advance(2)
    """
    global _display
    progress = Bar(doing, total, done, show)
    if not show or not _can_show_bars():
        yield progress
        return
    outermost = _display is None
    if outermost:
        _display = _new_display()
    progress._task = _display.add_task(doing, total=total, completed=done, note="", left="left" if total else "")
    progress._changed()
    try:
        yield progress
    finally:
        _display.refresh()
        _display.remove_task(progress._task)
        progress._task = None
        if outermost:
            _display.stop()
            _display = None


def say(line: str) -> None:
    """Leave a line on standard error, above the bars."""
    if _display is None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    else:
        _display.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _can_show_bars() -> bool:
    """Tell whether lines can be replaced: on a terminal, and in a notebook with the package that rich needs there."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)


def _new_display() -> Any:
    """Return a display of rich that shows late tasks only, already on the terminal."""
    from rich import progress
    from rich.console import Console

    class Display(progress.Progress):
        def get_renderables(self) -> Iterator[Any]:
            late = [task for task in self.tasks if (task.elapsed or 0.0) > QUIET_SECONDS]
            if late:
                yield self.make_tasks_table(late)

    console = Console(stderr=True)
    display = Display(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=24),
        progress.TaskProgressColumn("{task.completed:.0f}/{task.total:.0f}"),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[left]}"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,
    )
    if console.is_terminal:  # a notebook keeps what is started, so there it waits for work that takes long
        display.start()
    return display
