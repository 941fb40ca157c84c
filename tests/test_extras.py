from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.extras import load_extra


def test_what_is_installed_is_loaded() -> None:
    assert load_extra("json.decoder", "plot", "this").__name__ == "json.decoder"


def test_what_is_missing_is_named_with_its_extra() -> None:
    with pytest.raises(ConfigError, match=r"a plot needs nowhere.*gpu-harness\[plot\]"):
        load_extra("nowhere.at.all", "plot", "a plot")


def test_a_package_that_lacks_something_of_its_own_says_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("import something_else_entirely\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_entirely"):
        load_extra("broken_package", "plot", "a plot")
