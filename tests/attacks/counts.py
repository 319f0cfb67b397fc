"""What every attack counts, and the one trial that all of them make.

A trial ends well with a right result or with an error of vicinal that says what is wrong. Any other end is a fault:

=======  ===========================================================================================
silent   a wrong result without a word: values that are not finite, another shape, a file half written
foreign  an exception that is not vicinal's own, a RuntimeWarning, a traceback
crashed  the process died
hung     no end within the seconds of a trial
=======  ===========================================================================================
"""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sklearn.exceptions import NotFittedError

from vicinal._errors import VicinalError

SECONDS = 30  # of one trial
MOST_SHOWN = 40


class WrongResultError(Exception):
    """A result that is not what was promised."""


class HangError(BaseException):
    """A trial that took too long; no `except Exception` stops it."""


@dataclass
class Counts:
    """How many trials were made, how many ended in which fault, and the first faults in words."""

    tried: int = 0
    silent: int = 0
    foreign: int = 0
    crashed: int = 0
    hung: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, kind, words):
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.faults) < MOST_SHOWN:
            self.faults.append(f"{kind}: {words[:600]}")

    def __add__(self, other):
        sums = {name: getattr(self, name) + getattr(other, name) for name in asdict(self)}
        return Counts(**sums)

    @contextmanager
    def trial(self, what, allowed=()):
        """Run the body as one trial; ``allowed`` are documented errors beside those of vicinal."""
        self.tried += 1
        before = signal.signal(signal.SIGALRM, _hang)
        signal.alarm(SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", RuntimeWarning)
                yield
        except WrongResultError as error:
            self.fault("silent", f"{what}: {error}")
        except HangError as error:
            self.fault("hung", f"{what} {_place(error)}")
        except (VicinalError, NotFittedError, *allowed) as error:
            if len(str(error)) < 15:
                self.fault("foreign", f"{what}: {error!r} says too little")
        except Exception as error:  # noqa: BLE001 - counted
            self.fault("foreign", f"{what}: {type(error).__name__}: {error} {_place(error)}")
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)


def require(condition, words):
    """Raise WrongResultError unless a promise is kept."""
    if not condition:
        raise WrongResultError(words)


def run(attack):
    """Run an attack as a program: ``full`` as the first argument for the full form. Print its counts as JSON."""
    begin = time.perf_counter()
    counts = attack("full" in sys.argv[1:])
    sys.stdout.write(json.dumps(asdict(counts) | {"seconds": round(time.perf_counter() - begin, 1)}) + "\n")


def _place(error):
    """Return where in vicinal an exception comes from."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "vicinal" in each.filename]
    return f"({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def _hang(*_):
    raise HangError
