"""What a terminal shows: a spinner, or a bar in its place, and nothing where there is no terminal."""

from vicinal import _progress


def count(total):
    """Count with a bar, inside a spinner; return whether the spinner was on the terminal after each step."""
    shown = []
    with _progress.spinner("Working") as say, _progress.late_bar("Counting", total) as advance:
        for _ in range(total):
            advance(1)
            shown.append(_progress._display._live.is_started)
        say("Nearly [there]")
    return shown


def test_quick_work_shows_no_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    assert count(3) == [True] * 3
    err = capsys.readouterr().err
    assert "Nearly [there]" in err
    assert "Counting" not in err


def test_a_bar_takes_the_place_of_the_display(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", -1.0)
    assert count(3) == [False] * 3
    assert "Counting" in capsys.readouterr().err
    assert _progress._display is None


def test_nothing_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", -1.0)
    count(3)
    assert capsys.readouterr() == ("", "")
