"""The commands of the README follow from each other and run."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from vicinal import cli

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def commands():
    """Return the commands of the command line's block, without prompts and comments."""
    block = re.search(r"## Command line\n+```console\n(.*?)```", README, re.S)[1]
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in block.splitlines()]


@pytest.mark.filterwarnings("ignore::vicinal._errors.CalibrationWarning")
def test_the_commands_run_in_their_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for command in commands():
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as caught:
            cli.main()
        said = capsys.readouterr()
        assert (caught.value.code, command, "warning" in said.err) == (0, command, False)
        if "fit" in command:
            assert "as new as fresh data" in said.out
    torch.set_num_threads(n_threads)
    assert len(list((tmp_path / "images").iterdir())) == 1000
