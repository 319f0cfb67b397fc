"""Every error vicinal raises on purpose, and the import of optional packages.

::

    VicinalError
    ├── InvalidInputError   (also a ValueError)   a value that cannot be used
    ├── InvalidTypeError    (also a TypeError)    a value of the wrong type
    ├── FileFormatError     (also a ValueError)   a file that is not ours, damaged, or newer
    └── MissingExtraError   (also an ImportError) an optional package that is not installed

    CalibrationWarning      (a UserWarning)       a target that could not be met
    OutOfBoundsWarning      (a UserWarning)       values that were clipped to given bounds
    LabelWarning            (a UserWarning)       labels that are ignored, or classes with a single latent
    CollapseWarning         (a UserWarning)       an autoencoder that shows the mean image, or nearly so
"""

from __future__ import annotations

import importlib
from typing import Any


class VicinalError(Exception):
    """Base of every error that vicinal raises on purpose."""


class InvalidInputError(VicinalError, ValueError):
    """An argument has an impossible value; the message says which, and what to do."""


class InvalidTypeError(VicinalError, TypeError):
    """An argument has a type that cannot be used; the message says what to pass."""


class FileFormatError(VicinalError, ValueError):
    """A file is not one of vicinal's, is damaged, or was written by a newer version."""


class MissingExtraError(VicinalError, ImportError):
    """An optional package is not installed; the message gives the command."""


class CalibrationWarning(UserWarning):
    """A calibration could not reach its target; the message says why, and what is used instead."""


class OutOfBoundsWarning(UserWarning):
    """Values lay outside given bounds and were clipped to them; the message says how many."""


class LabelWarning(UserWarning):
    """Labels are ignored, or a class has a single latent; the message says which."""


class CollapseWarning(UserWarning):
    """A trained autoencoder reconstructs hardly better than the mean image; the message says what to try."""


def import_extra(module: str, extra: str) -> Any:
    """Import an optional package, or say how to install it.

    Parameters
    ----------
    module : str
        Name of the module, such as ``"torch"``.
    extra : str
        Name of the extra of vicinal that brings it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtraError
        If the package is not installed.

    Examples
    --------
    >>> import_extra("no_such_package", "torch")
    Traceback (most recent call last):
    ...
    vicinal._errors.MissingExtraError: no_such_package is not installed; run: pip install "vicinal[torch]"
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f'{module} is not installed; run: pip install "vicinal[{extra}]"', name=module
        ) from None
