"""Reads the TOML format, and the same tables as plain data."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.config.problems import format_value_of, raise_problems
from harness.config.read import read_config_text, read_spec
from harness.config.spec import Spec
from harness.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def load_toml(path: Path) -> Spec:
    """The Spec in the TOML file `path`.

    Raises:
        ConfigError: with every problem of the file; a syntax error hides the others.
    """
    text = read_config_text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_say_syntax(path, text, str(error))) from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply; use fewer levels") from None
    return make_spec(data, path)


def make_spec(data: Mapping[str, object], path: Path, source: str = "") -> Spec:
    """The Spec that the tables in `data` say.

    Args:
        data: what a TOML file of this content would be parsed to.
        path: of the file; relative paths start from its folder, and its stem is the default name.
        source: how messages call it; empty: by its path.

    Raises:
        ConfigError: with every problem.
    """
    spec, problems = read_spec(data, path)
    raise_problems(problems, source or str(path), data)
    return spec


def _say_syntax(path: Path, text: str, message: str) -> str:
    lines = text.splitlines() or [""]
    place = _PLACE.search(message)
    reason = message[: place.start()] if place else message
    if place and place.group(1):
        line, column = int(place.group(1)), int(place.group(2))
    else:
        line, column = len(lines), len(lines[-1]) + 1
    shown = format_value_of(lines[line - 1].strip()) if line <= len(lines) else "the end"
    return f"{path}: line {line}, column {column}: {reason}; correct this TOML: {shown}"
