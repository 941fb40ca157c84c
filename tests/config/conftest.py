from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    from tomllib import loads as parse_toml
else:
    from tomli import loads as parse_toml

__all__ = ["MINIMAL", "parse_toml", "write"]

MINIMAL = """\
[parameters]
N = [1, 2]
[command]
test = "./app %N%"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a config file and says where."""

    def write_file(text: str, name: str = "tune.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file
