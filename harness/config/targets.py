"""What files are by their names: one rule for configs and for `-o` of every command.

Which format an ending stands for, and which files nothing is written over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from harness.errors import ConfigError

_DATABASE = b"SQLite format 3\0"
CONFIG_ENDINGS = frozenset({".toml", ".conf"})
"""Of files that are configs and nothing else."""
_C = frozenset({".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hh", ".hpp", ".hxx", ".inl"})
_SOURCES = _C | {".py", ".f", ".f90", ".rs", ".go", ".sh", ".mk", ".cmake"}
_BUILDS = frozenset({"Makefile", "makefile", "GNUmakefile", "CMakeLists.txt"})

_SOURCE_ENDINGS: Mapping[str, Collection[str]] = {
    "header": (".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl"),
    "make": (".mk",),
    "cmake": (".cmake",),
    "python": (".py",),
}
"""Of files in formats that are sources themselves; there is one to replace from the second time."""

ENDINGS: Mapping[str, Collection[str]] = {
    "csv": (".csv",),
    "json": (".json",),
    "parquet": (".parquet",),
    **_SOURCE_ENDINGS,
}
"""The endings that say a format."""

_IN_JSON = frozenset({"json", "t4", "kernel-tuner", "values"})
"""Formats that a file of JSON may have."""


def find_format(path: Path) -> str | None:
    """The format that a file's ending says; None if it says none."""
    ending = path.suffix.lower()
    return next((form for form, endings in ENDINGS.items() if ending in endings), None)


PICTURES = ("png", "svg", "pdf")
"""The formats of pictures, which are the endings of their files."""


def find_picture(path: Path, others: str = "") -> str:
    """The format that the ending of a picture's file says.

    Args:
        others: what else could be given, for the message.

    Raises:
        ConfigError: it says none.
    """
    ending = path.suffix.removeprefix(".").lower()
    if ending not in PICTURES:
        raise ConfigError(f"{path}: its ending says no format; use .png, .svg or .pdf{others}")
    return ending


def make_contradiction(path: Path, said: str, given: str) -> ConfigError:
    """What is wrong where a file's ending says one format and another is asked for."""
    return ConfigError(
        f"{path}: its ending says {said}, but --format {given} is asked for; leave --format out, "
        "or name another file"
    )


def contradicts(path: Path, form: str) -> str | None:
    """The format that a file's ending says where `form` cannot be meant; None if it can."""
    said = find_format(path)
    if said is None or said == form or {said, form} <= _IN_JSON:
        return None
    return said


def name_owner(path: Path, form: str = "") -> str:
    """What the file at `path` plainly is that is not to be replaced; empty if it may be.

    Args:
        form: the format of what would be written there.
    """
    if not path.is_file():
        return ""
    if _is_database(path):
        return "a journal or another database"
    ending = path.suffix.lower()
    if ending in CONFIG_ENDINGS:
        return "a config"
    if path.name in _BUILDS or (ending in _SOURCES and ending not in _SOURCE_ENDINGS.get(form, ())):
        return "a source"
    return ""


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:
        return False  # writing will say what is wrong
