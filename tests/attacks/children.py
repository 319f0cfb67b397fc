"""Processes that attacks start: Python code, or the command line, with vicinal from where this process has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import vicinal

SOURCE = str(Path(vicinal.__file__).parents[1])
READY = "import sys\nfrom vicinal import cli\nprint('ready', flush=True)\ncli.main()"
SECONDS = 120


def start(code, *arguments, cwd=None, stdout=subprocess.PIPE, **environment):
    """Start Python code; ``environment`` adds variables, or takes away those that are None."""
    wanted = os.environ | {"PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"} | environment
    variables = {name: value for name, value in wanted.items() if value is not None}
    call = [sys.executable, "-c", code, *map(str, arguments)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": subprocess.PIPE}
    return subprocess.Popen(call, cwd=cwd, env=variables, **streams)  # noqa: S603


def ended(child):
    """Return exit code, output and error output of a process that should end by itself; "hung" for a code if not."""
    try:
        out, err = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        return "hung", out.decode(errors="replace"), err.decode(errors="replace")
    return child.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace")


def command(*arguments, cwd=None, **environment):
    """Return exit code, output and error output of the command line."""
    return ended(start("from vicinal import cli; cli.main()", *arguments, cwd=cwd, **environment))


def judge(counts, what, found, codes):
    """Count the end of a process: one of ``codes``, without a traceback, and one line that says what is wrong."""
    code, _, err = found
    counts.tried += 1
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    if code == "hung":
        counts.fault("hung", what)
    elif "Traceback" in err or "Exception ignored" in err:
        counts.fault("foreign", f"{what}: {err[-400:]}")
    elif code < 0:
        counts.fault("crashed", f"{what}: ended by signal {-code}: {err[-200:]}")
    elif code not in codes or (code in (2, 130) and len(errors) != 1):
        counts.fault("foreign", f"{what}: exit code {code}, {err[-300:]!r}")
