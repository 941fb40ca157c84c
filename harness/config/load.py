"""Reads a config file of any format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.config.conf import load_conf
from harness.config.problems import find_nearest
from harness.config.spec import Spec
from harness.config.t1 import load_t1
from harness.config.toml import load_toml
from harness.errors import ConfigError

_LOADERS = {".toml": load_toml, ".conf": load_conf, ".json": load_t1}

_SUGGESTED = (".toml", ".conf")
"""JSON files are many things; only those that are configs for certain are suggested."""

_OTHERS = ("pyproject.toml", "Cargo.toml", "ruff.toml", "mypy.toml", "poetry.toml")

_PARAMETERS = {
    ".toml": re.compile(r"^\s*(\[\s*parameters\s*\]|parameters\s*[.=])", re.MULTILINE),
    ".conf": re.compile(r"^\s*\[variables\]", re.MULTILINE | re.IGNORECASE),
}
"""Where a config of a format says what is tuned."""

MAX_LISTED = 10
"""More configs of a folder than this are not named."""


def load_config(path: str | Path) -> Spec:
    """The Spec in the file `path`; its suffix says the format: `.toml`, `.conf` or, of T1, `.json`.

    Raises:
        ConfigError: no such file, another suffix, or problems in the file, all of them.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path}: no such file; {_suggest_file(path)}")
    if path.is_dir():
        raise ConfigError(f"{path}: a folder; name a config file in it{_list_configs(path)}")
    if not path.is_file():  # reading a FIFO would wait for somebody to write
        raise ConfigError(f"{path}: not a regular file; name a config file")
    load = _LOADERS.get(path.suffix.lower())
    if load is None:
        raise ConfigError(f"{path}: not a config file; name one that ends in .toml, .conf or .json")
    return load(path)


def find_configs(folder: Path) -> list[Path]:
    """The configs of a folder, in the order of their names, right or wrong."""
    return [file for file in _find_configs(folder).values() if _tunes_something(file)]


def _tunes_something(file: Path) -> bool:
    """Whether a file has parameters: others in these formats belong to other programs."""
    begin = _PARAMETERS[file.suffix.lower()]
    try:
        return begin.search(file.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


def _suggest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    files = _find_configs(folder)
    stems = {file.stem: file for file in files.values()}
    if not files:
        return f"there is no .toml or .conf file in {folder}"
    near = find_nearest(path.stem, stems)
    if near is not None:
        return f"did you mean {stems[near]}?"
    return f"{folder} has {list_names(list(files))}"


def _list_configs(folder: Path) -> str:
    files = _find_configs(folder)
    return f", such as {next(iter(files.values()))}" if files else ", which has none"


def list_names(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    shown = names[:MAX_LISTED]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def _find_configs(folder: Path) -> dict[str, Path]:
    """The files in a folder that may be configs, by name; those that cannot be read are none."""
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return {}
    return {file.name: file for file in files if file.is_file() and _may_be_config(file)}


def _may_be_config(file: Path) -> bool:
    """Whether it is worth suggesting: JSON files and pyproject.toml are other things."""
    return file.suffix.lower() in _SUGGESTED and file.name not in _OTHERS
