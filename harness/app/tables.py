"""The tables of a config as Python programs have them, made to those that a file could hold."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any


def make_plain(data: Any) -> Any:
    """The same with NumPy's numbers and arrays, and paths, as what TOML has for them.

    Everything else stays, for the checks of the Spec to judge. NumPy is not imported: its objects
    say themselves what they are in Python.
    """
    if isinstance(data, Mapping):
        return {key: make_plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [make_plain(value) for value in data]
    if isinstance(data, PathLike):
        return fspath(data)
    if type(data).__module__ == "numpy" and hasattr(data, "tolist"):
        return data.tolist()
    return data


def name_dtype(dtype: Any) -> Any:
    """A type's name: of `np.float32`, `np.dtype("float32")`, or a text."""
    if isinstance(dtype, str):
        return dtype
    return getattr(dtype, "name", None) or getattr(dtype, "__name__", dtype)
