"""What is shown while one waits: bars on a terminal, a line now and then without one, nothing for quick work."""

import contextlib
import importlib.machinery
import re
import sys
import types

import pytest

from vicinal import _progress


def count(total, **options):
    """Count with a bar inside another."""
    with _progress.bar("Working", **options) as outer, _progress.bar("Counting", total, **options) as inner:
        for _ in range(total):
            inner.advance()
        outer.set(doing="Nearly [there]", note="loss [1]")
        outer.say("a line")


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


def plain(text):
    return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", text)


def test_quick_work_shows_no_bar(terminal, capsys):
    count(3)
    assert plain(capsys.readouterr().err).split() == ["a", "line"]


def test_nested_bars_are_shown_together(terminal, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    for _ in range(2):  # the second display is as good as the first
        count(3)
        err = plain(capsys.readouterr().err)
        assert "Nearly [there]" in err
        assert "Counting" in err
        assert "3/3" in err
        assert "loss [1]" in err


def test_an_error_takes_the_bars_away(terminal, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    with pytest.raises(KeyError), _progress.bar("Outer"), _progress.bar("Inner"):
        raise KeyError
    capsys.readouterr()
    with _progress.bar("After"):
        pass
    err = plain(capsys.readouterr().err)
    assert "After" in err
    assert "Outer" not in err


@pytest.fixture
def clock(monkeypatch):
    """Return a function that lets seconds pass, without a terminal."""
    now = [1000.0]
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_progress, "_last_line", float("-inf"))
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def lines(capsys):
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_quick_work_writes_no_line(clock, capsys):
    for _ in range(100):  # 100 s in all, but none of it is long
        with _progress.bar("Counting", 2) as progress:
            progress.advance()
            clock(1.0)
            progress.advance()
    assert lines(capsys) == []


def test_long_work_writes_a_line_after_two_seconds_and_then_one_a_minute(clock, capsys):
    with _progress.bar("Counting", 200) as progress:
        for _ in range(200):
            clock(1.0)
            progress.advance()
    assert lines(capsys) == [f"Counting {n}/200 {n} s" for n in (3, 64, 125, 186)]


def test_all_bars_together_write_a_line_a_minute(clock, capsys):
    with _progress.bar("Measuring [1]", 30) as outer:
        for i in range(30):
            outer.set(note=f"metric {i}")
            with _progress.bar("Searching") as inner:  # ten seconds, one after the other
                for _ in range(10):
                    clock(1.0)
                    inner.advance()
            outer.advance()
    assert lines(capsys) == [
        "Searching 3 s",
        *(f"Searching {s} s" for s in (4, 5, 6, 7)),
    ]


def test_a_line_of_the_work_itself_is_always_written(clock, capsys):
    with _progress.bar("Working") as progress:
        progress.say("a line")
        progress.set(doing="Nearly [there]", note="loss [1]")
        clock(2.5)
        progress.set()
        progress.say("another")
    assert lines(capsys) == ["a line", "Nearly [there] 2 s loss [1]", "another"]


def test_silent_bars(terminal, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    monkeypatch.setattr(_progress, "LINE_SECONDS", -1.0)
    count(3, show=False)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def notebook(monkeypatch):
    """Stand in for Jupyter with ipywidgets; return what is displayed."""
    shown = []

    class Output(contextlib.nullcontext):
        def clear_output(self, wait):
            assert wait

        def close(self):
            shown.append("closed")

    packages = {
        "IPython": {},
        "IPython.display": {"display": shown.append, "clear_output": lambda wait: None},
        "ipywidgets": {"Output": Output},
    }
    for name, content in packages.items():
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    return shown


def test_a_notebook_shows_slow_work_as_a_widget_that_goes_away(notebook, monkeypatch):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    with _progress.bar("Counting", 3) as progress:
        progress.advance()
        assert [type(each).__name__ for each in notebook].count("Output") == 1
    assert "closed" in notebook


def test_a_notebook_keeps_nothing_of_quick_work(notebook):
    with _progress.bar("Counting", 3) as progress:
        progress.advance()
    assert notebook == []


def test_a_notebook_without_widgets_has_lines(notebook, clock, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "find_spec", lambda _: None)
    with _progress.bar("Counting", 3) as progress:
        clock(3.0)
        progress.advance()
    assert capsys.readouterr().err == "Counting 1/3 3 s\n"
