"""Functions of the user's: found by their names, and called; what goes wrong is a DataError."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


class DataError(Exception):
    """Data or a reference cannot be made; says which, why, and what to do."""


def load_function(name: str, folders: Sequence[str], place: str) -> Callable[..., Any]:
    """The function `module:function`.

    Args:
        folders: where its module is looked for, before the places where Python looks.

    Raises:
        DataError: there is none of that name.
    """
    module, _, attribute = name.partition(":")
    sys.path[:] = [*folders, *(path for path in sys.path if path not in folders)]
    try:
        function = getattr(_import(module, folders), attribute)
    except Exception as error:  # whatever a user's module raises
        raise DataError(
            f"{place}: {_describe(error)}; modules are looked for in {', '.join(folders)} first"
        ) from error
    if not callable(function):
        raise DataError(f"{place}: {name} is a {type(function).__name__}; name a function")
    checked: Callable[..., Any] = function
    return checked


def _import(name: str, folders: Sequence[str]) -> ModuleType:
    """The module of the folders; one of that name from elsewhere stays what it is to others.

    A process that tunes several projects may have imported another's of the same name.
    """
    top = name.partition(".")[0]
    found = PathFinder.find_spec(top, list(folders))
    known = getattr(sys.modules.get(top), "__file__", None)
    if found is None or found.origin is None or known is None or _is_same(found.origin, known):
        return importlib.import_module(name)
    others = {key: sys.modules[key] for key in list(sys.modules) if key.partition(".")[0] == top}
    for key in others:
        del sys.modules[key]
    try:
        return importlib.import_module(name)
    finally:
        sys.modules.update(others)


def _is_same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def call(function: Callable[..., Any], arguments: Sequence[Any], place: str) -> Any:
    """What a user's function returns; whatever it raises becomes a DataError."""
    try:
        return function(*arguments)
    except Exception as error:  # whatever a user's function raises
        raise DataError(f"{place}: it raised {_describe(error)}") from error


def _describe(error: Exception) -> str:
    """The error, and the last line of the user's that led to it."""
    text = f"{type(error).__name__}: {error}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        installed = any(path.is_relative_to(root) for root in (sys.prefix, sys.base_prefix))
        if path.is_absolute() and not installed and path != Path(__file__):
            return f"{text} ({path.name}, line {frame.lineno})"
    return text
