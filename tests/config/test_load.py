from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.errors import ConfigError
from tests.config.conftest import MINIMAL
from tests.config.test_conf import MATHS

Write = Callable[..., Path]


def test_the_suffix_says_the_format(write: Write) -> None:
    assert load_config(write(MINIMAL, "a.toml")).parameters == {"N": (1, 2)}
    assert load_config(str(write(MATHS, "b.conf"))).parameters["X"] == ("1", "2")


def test_another_suffix_is_an_error(write: Write) -> None:
    path = write(MINIMAL, "a.yaml")
    with pytest.raises(
        ConfigError, match=r"not a config file; name one .* \.toml, \.conf or \.json"
    ):
        load_config(path)


def test_a_missing_file_is_an_error_that_names_the_nearest(write: Write, tmp_path: Path) -> None:
    write("", "matrix.toml")
    write("", "hello.conf")
    with pytest.raises(ConfigError, match=r"no such file; did you mean .*/matrix\.toml\?"):
        load_config(tmp_path / "matrx.toml")
    with pytest.raises(ConfigError, match=r"no such file; .* has hello\.conf, matrix\.toml"):
        load_config(tmp_path / "zzz.json")


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        load_config(tmp_path / "nowhere" / "a.toml")
    with pytest.raises(ConfigError, match=r"there is no \.toml or \.conf file in"):
        load_config(tmp_path / "a.toml")


def test_a_folder_is_no_config_but_may_hold_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r": a folder; name a config file in it, which has none$"):
        load_config(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "mine.toml").touch()
    with pytest.raises(ConfigError, match=r"such as .*/mine\.toml$"):
        load_config(tmp_path)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_config(tmp_path / "pipe.toml")


def test_only_configs_that_are_near_are_suggested(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "x.toml", "matrix.toml"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"did you mean .*/matrix\.toml\?"):
        load_config(tmp_path / "matrx.toml")
    with pytest.raises(ConfigError, match=r"has matrix\.toml, x\.toml$"):
        load_config(tmp_path / "project.toml")
