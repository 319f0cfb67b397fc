"""The torch modules behind a callable: found, kept on one device, and given tensors that they can take.

A module may hide behind a bound method, a closure, a global variable that a function names, a `functools.partial`, or
an attribute of any object. `find` looks at all of these, nearest first. torch is found in ``sys.modules``: a module
that exists has imported it.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from vicinal import _arrays, _validation
from vicinal._errors import InvalidInputError

_DEEPEST = 6  # steps from the callable to a module
_MOST_LOOKED_AT = 5_000  # objects
_MOST_ITEMS = 1_000  # of a container
_LIBRARIES = sys.stdlib_module_names | {"torch", "numpy", "scipy", "sklearn", "jax", "tensorflow"}
_PLAIN = (str, bytes, bytearray, int, float, complex, np.ndarray, np.generic, types.BuiltinFunctionType)
_OF_MODULES = frozenset(("_parameters", "_buffers", "_modules"))  # attributes that a module lists itself


def find(*roots: Any) -> list[Any]:
    """Return the torch modules that the given objects are, hold, close over or name, nearest first.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(2, 2)
    >>> find(lambda x: layer(x)) == [layer]
    True
    """
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "nn"):
        return []
    found: list[Any] = []
    waiting = deque((root, 0) for root in roots)
    seen: dict[int, Any] = {}  # the objects are kept, so that no number is used twice
    while waiting and len(seen) < _MOST_LOOKED_AT:
        value, depth = waiting.popleft()
        if id(value) in seen or value is None or isinstance(value, (*_PLAIN, torch.Tensor)):
            continue
        seen[id(value)] = value
        if isinstance(value, torch.nn.Module):
            found.append(value)
        if depth < _DEEPEST:
            waiting.extend((each, depth + 1) for each in _within(value))
    return found


def _within(value: Any) -> Iterator[Any]:
    """Yield the objects one step behind a value; no property is computed and nothing is called."""
    if isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, types.MethodType):
        yield from (value.__self__, value.__func__)
        yield from _called_methods(value)
    elif isinstance(value, types.FunctionType):
        yield from _of_function(value)
    elif isinstance(value, dict):
        yield from list(value.values())[:_MOST_ITEMS]
    elif isinstance(value, type):
        yield from () if _is_foreign(value.__module__) else list(vars(value).values())
    elif isinstance(value, list | tuple | set | frozenset | deque):
        yield from list(value)[:_MOST_ITEMS]
    elif not isinstance(value, types.ModuleType):
        yield from _of_object(value)


def _of_object(value: Any) -> Iterator[Any]:
    """Yield the attributes of an object, those in slots too, and the function that runs when it is called."""
    attributes = getattr(value, "__dict__", {})
    yield from (attribute for name, attribute in attributes.items() if name not in _OF_MODULES)
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, types.MemberDescriptorType) and hasattr(value, name):
                yield getattr(value, name)
            elif name == "__call__" and isinstance(member, types.FunctionType):
                yield member


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    """Yield what a function closes over, has as defaults, wraps, and names in its module."""
    if function.__closure__ is None and _is_foreign(function.__module__):
        return
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a variable that has no value yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()
    names = frozenset(_names_in(function.__code__))
    for name in names & function.__globals__.keys():
        yield from _resolved(function.__globals__[name], names, set())


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _resolved(value: Any, names: frozenset[str], seen: set[str]) -> Iterator[Any]:
    """Yield a value; of a Python module, those of its variables that the function names too."""
    if not isinstance(value, types.ModuleType):
        yield value
    elif not _is_foreign(value.__name__) and value.__name__ not in seen:
        seen.add(value.__name__)
        for name in names & vars(value).keys():
            yield from _resolved(vars(value)[name], names, seen)


def _called_methods(method: types.MethodType) -> Iterator[Any]:
    """Yield the functions of the same object that a method names."""
    if not isinstance(method.__func__, types.FunctionType):
        return
    names = set(_names_in(method.__func__.__code__))
    for kind in type(method.__self__).__mro__:
        if not _is_foreign(kind.__module__):
            yield from (part for name, part in vars(kind).items() if name in names and callable(part))


def _is_foreign(name: str | None) -> bool:
    """Tell whether a Python module belongs to a library that holds no modules of the user."""
    return (name or "").partition(".")[0] in _LIBRARIES


def check_movable(modules: Sequence[Any], device: Any) -> Any:
    """Return a device as a torch.device that modules can be moved to; if there are none, raise InvalidInputError."""
    if not modules:
        raise InvalidInputError(
            f"device needs a torch module to move; got {device!r}, but none was found in the autoencoder: name it, as "
            "in vicinal.Autoencoder(encoder, decoder, module=model)"
        )
    target = _validation.check_device(device)
    for module in modules:
        found = _devices(module)
        if len(found) > 1:
            raise InvalidInputError(
                f"device must be left out for a model on several devices; {type(module).__name__} is on "
                f"{', '.join(sorted(found))}"
            )
    return target


@contextmanager
def on_device(modules: Sequence[Any], device: Any) -> Iterator[None]:
    """Keep modules on a device, then move them back; None leaves them where they are."""
    if device is None:
        yield
        return
    target = check_movable(modules, device)
    homes = [(module, _devices(module)) for module in modules]
    try:
        for module in modules:
            module.to(target)
        yield
    finally:
        for module, found in homes:
            for home in found:
                module.to(home)


def tensor_for(modules: Sequence[Any], batch: Any) -> Any:
    """Return a batch as a tensor on the device of the modules and in the float type of their weights.

    Integers stay integers, int64, if a module has an embedding table. Without any weights, float64 and integers become
    torch's default type.
    """
    torch = sys.modules["torch"]
    tensor = batch if _arrays.is_tensor(batch) else torch.as_tensor(np.require(batch, requirements=["C", "W"]))
    like = next((each for module in modules for each in _tensors(module) if each.is_floating_point()), None)
    whole = not (tensor.is_floating_point() or tensor.dtype == torch.bool)
    if whole and embeds(modules):
        return tensor.to(device=None if like is None else like.device, dtype=torch.int64)
    if like is not None:
        return tensor.to(like)
    is_short = tensor.is_floating_point() and tensor.dtype != torch.float64
    return tensor if is_short else tensor.to(torch.get_default_dtype())


def embeds(modules: Iterable[Any]) -> bool:
    """Tell whether a module looks rows up in a table, which takes integers."""
    return any(_is_table(part) for module in modules for part in module.modules())


def starts_with_embedding(modules: Iterable[Any]) -> bool:
    """Tell whether the first weights of a module are such a table, so that tokens go in."""
    for module in modules:
        first = next((part for part in module.modules() if list(part.parameters(recurse=False))), None)
        if first is not None:
            return _is_table(first)
    return False


def _is_table(part: Any) -> bool:
    torch = sys.modules["torch"]
    return isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag)


def _devices(module: Any) -> set[str]:
    return {str(tensor.device) for tensor in _tensors(module)}


def _tensors(module: Any) -> Iterator[Any]:
    yield from module.parameters()
    yield from module.buffers()
