from __future__ import annotations

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


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(ConfigError, match="is a directory; name a config file"):
        load_config(tmp_path / "x.toml")
