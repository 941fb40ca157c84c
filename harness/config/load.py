"""Reads a config file of any format."""

from __future__ import annotations

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


def load_config(path: str | Path) -> Spec:
    """The Spec in the file `path`; its suffix says the format: `.toml`, `.conf` or, of T1, `.json`.

    Raises:
        ConfigError: no such file, another suffix, or problems in the file, all of them.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path}: no such file; {_suggest_file(path)}")
    load = _LOADERS.get(path.suffix.lower())
    if load is None:
        raise ConfigError(f"{path}: not a config file; name one that ends in .toml, .conf or .json")
    return load(path)


def _suggest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    files = {
        file.name: file for file in sorted(folder.iterdir()) if file.suffix.lower() in _SUGGESTED
    }
    if not files:
        return f"there is no .toml or .conf file in {folder}"
    near = find_nearest(path.name, files)
    if near is not None:
        return f"did you mean {files[near]}?"
    return f"{folder} has {', '.join(files)}"
