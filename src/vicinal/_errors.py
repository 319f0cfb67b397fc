"""The errors and warnings of vicinal, and the import of optional packages.

::

    VicinalError
    ├── InvalidInputError   (also a ValueError)   a value that cannot be used
    │   └── UnequalSizesError                     images that differ in height or width
    ├── InvalidTypeError    (also a TypeError)    a value of the wrong type
    ├── FileFormatError     (also a ValueError)   a foreign or damaged file, or one of a newer version
    ├── HubError            (also an OSError)     a repository that cannot be downloaded or uploaded
    ├── ClusterError        (also a RuntimeError) a dask cluster that was lost
    └── MissingExtraError   (also an ImportError) an optional package that is not installed

    CalibrationWarning      (a UserWarning)       a target that could not be met
    OutOfBoundsWarning      (a UserWarning)       values that were clipped to given bounds
    LabelWarning            (a UserWarning)       labels that are ignored, or classes with a single latent
    CollapseWarning         (a UserWarning)       an autoencoder that reconstructs little more than the mean image
    AutoencoderWarning      (a UserWarning)       what an autoencoder was given or returned is open to doubt
"""

from __future__ import annotations

import importlib
from typing import Any


class VicinalError(Exception):
    """Base of every error that vicinal raises on purpose."""


class InvalidInputError(VicinalError, ValueError):
    """An argument has an invalid value; the message names it and a remedy."""


class UnequalSizesError(InvalidInputError):
    """Images differ in size; the message says which, and how they are resized."""


class InvalidTypeError(VicinalError, TypeError):
    """An argument has the wrong type; the message says what to pass."""


class FileFormatError(VicinalError, ValueError):
    """A file was not written by vicinal, is damaged, or was written by a newer version."""


class HubError(VicinalError, OSError):
    """A repository could not be downloaded or uploaded; the message says why, and how to do without a network."""


class ClusterError(VicinalError, RuntimeError):
    """A scheduler or workers of a dask cluster were lost; the message says which, and what to do."""


class MissingExtraError(VicinalError, ImportError):
    """An optional package is not installed; the message gives the command that installs it."""


class CalibrationWarning(UserWarning):
    """A calibration missed its target; the message gives the reason and the value that is used."""


class OutOfBoundsWarning(UserWarning):
    """Values outside the given bounds were clipped; the message gives their number."""


class LabelWarning(UserWarning):
    """Labels are ignored, or a class has a single latent; the message says which of the two."""


class CollapseWarning(UserWarning):
    """An autoencoder reconstructs hardly better than the mean image; the message says what to try."""


class AutoencoderWarning(UserWarning):
    """What an autoencoder was given or returned is open to doubt; the message says how it was taken, and a remedy."""


def import_extra(module: str, extra: str) -> Any:
    """Import an optional package; if it is missing, the error says how to install it.

    Parameters
    ----------
    module : str
        Name of the module, such as ``"torch"``.
    extra : str
        Extra of vicinal that installs the package.

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
