from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from harness.compile.cache import BuildCache
from harness.compile.cache_folder import explain_directory, find_directory


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HARNESS_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find_directory() == tmp_path / "home" / ".cache" / "gpu-harness"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find_directory() == tmp_path / "xdg" / "gpu-harness"
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "named"))
    assert find_directory() == tmp_path / "named"
    assert explain_directory() == ""


def test_a_home_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/proc")
    own = tmp_path / "tmp" / f"gpu-harness-{os.getuid()}"
    assert find_directory() == own
    assert own.stat().st_mode & 0o777 == 0o700
    said = explain_directory()
    assert said.startswith(f"compiled kernels are kept in {own}, since /proc/.cache/gpu-harness")
    assert "HARNESS_CACHE_DIR" in said
    with BuildCache() as cache:
        assert cache.stats().directory == str(own)


def test_a_user_who_is_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def find_nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", find_nobody)
    assert find_directory() == tmp_path / "tmp" / f"gpu-harness-{os.getuid()}"
    assert "since this user has no home folder" in explain_directory()


@pytest.mark.parametrize("trap", ["open", "link", "none"])
def test_what_others_could_write_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trap: str
) -> None:
    monkeypatch.setenv("HOME", "/proc")
    own = tmp_path / "tmp" / f"gpu-harness-{os.getuid()}"
    if trap == "open":
        own.mkdir()
        own.chmod(0o777)
    elif trap == "link":
        (tmp_path / "theirs").mkdir()
        own.symlink_to(tmp_path / "theirs")
    else:
        monkeypatch.setattr(tempfile, "tempdir", "/proc")
    assert find_directory() == Path("/proc/.cache/gpu-harness")  # which is refused, with a remedy
