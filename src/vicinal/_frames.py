"""Data frames that are compared with each other: their columns are matched by name, not by place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vicinal._errors import InvalidInputError


def aligned(sets: Mapping[str, Any]) -> dict[str, Any]:
    """Return sets, with the columns of all data frames in the order of the first one.

    Only columns named by strings count, as in scikit-learn. Other sets are left as they are.

    Raises
    ------
    InvalidInputError
        If data frames have columns of other names.

    Examples
    --------
    >>> import pandas
    >>> real = pandas.DataFrame({"a": [1.0], "b": [2.0]})
    >>> aligned({"real": real, "generated": real[["b", "a"]]})["generated"].columns.tolist()
    ['a', 'b']
    """
    found, first = dict(sets), ""
    for name, given in sets.items():
        names = _names(given)
        if names is None:
            continue
        if not first:
            first, wanted = name, names
        if names == wanted:
            continue
        if len(set(names)) < len(names) or set(names) != set(wanted):
            missing = [each for each in wanted if each not in names]
            more = [each for each in names if each not in wanted]
            raise InvalidInputError(
                f"{first} and {name} must have columns of the same names, each once; {name} lacks {missing[:5]} and "
                f"has {more[:5]} more: select the columns, or pass .to_numpy()"
            )
        found[name] = given[wanted]
    return found


def _names(given: Any) -> list[str] | None:
    """Return the names of the columns of a data frame, or None."""
    columns = getattr(given, "columns", None)
    if columns is None or not hasattr(given, "to_numpy"):
        return None
    names = list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None
