"""The command line in a fresh folder."""

import sys

import pytest

from vicinal import _progress, cli


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs the command line in a fresh folder: (exit code, output, error output)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 1e9)  # however slow the machine is

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["vicinal", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return call
