from __future__ import annotations

from pathlib import Path

import pytest

from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler
from harness.compile.source import KernelSource
from harness.testing.cubins import FakeTranslator

from .helpers import Cli


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two compiles."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "kept"))
    with BuildCache() as cache:
        compiler = CachedCompiler(FakeTranslator(), cache)
        for text in ("one", "two"):
            compiler.build(KernelSource(text, "scale", "sm_90"))
    return tmp_path / "kept"


@pytest.mark.parametrize("options", [[], ["--stats"]])
def test_shows_what_is_kept(cli: Cli, kept: Path, options: list[str]) -> None:
    ended = cli("cache", *options)
    assert ended.code == 0
    assert f"2 compiles kept as 2 binaries in {kept}" in ended.out
    assert "of at most 2.00 GiB" in ended.out


def test_as_json(cli: Cli, kept: Path) -> None:
    shown = cli("cache", "--json").json
    assert (shown["builds"], shown["binaries"], shown["directory"]) == (2, 2, str(kept))
    assert shown["removed_bytes"] is None
    cleared = cli("cache", "--clear", "--json").json
    assert cleared["removed_bytes"] == shown["size_bytes"]
    assert cleared["size_bytes"] == 0


def test_clears(cli: Cli, kept: Path) -> None:
    assert cli("cache", "--clear").out.startswith("removed ")
    assert "0 compiles" in cli("cache").out


def test_clear_refuses_while_a_session_uses_it(cli: Cli, kept: Path) -> None:
    with BuildCache():
        ended = cli("cache", "--clear")
    assert (ended.code, ended.out) == (1, "")
    assert "a session is using these compiled kernels" in ended.err
    assert "2 compiles" in cli("cache").out


def test_options_that_exclude_each_other(cli: Cli) -> None:
    ended = cli("cache", "--clear", "--stats")
    assert ended.code == 2
    assert "use one of them" in ended.err
