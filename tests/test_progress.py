"""What is shown while one waits: bars on a terminal, a line now and then without one, nothing for quick work."""

import re

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


def test_lines_without_a_terminal(monkeypatch, capsys):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    count(3)
    assert capsys.readouterr().err == "a line\n"
    monkeypatch.setattr(_progress, "LINE_SECONDS", -1.0)
    count(3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Counting 1/3 0 s",
        "Counting 2/3 0 s",
        "Counting 3/3 0 s",
        "Nearly [there] 0 s loss [1]",
        "a line",
    ]


def test_silent_bars(terminal, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    monkeypatch.setattr(_progress, "LINE_SECONDS", -1.0)
    count(3, show=False)
    assert capsys.readouterr() == ("", "")
