"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Nothing is written outside a test's own folder, and a busy machine is no failure.
settings.register_profile("harness", database=None, deadline=None)
settings.load_profile("harness")


@pytest.fixture(autouse=True)
def _own_locks(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Device locks of tests are not those of the machine: they must not wait for anybody."""
    monkeypatch.setenv("HARNESS_LOCK_DIR", str(tmp_path_factory.mktemp("locks")))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled kernels of tests are not the user's."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _plain_disk(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever tests are run, what they write is on a disk of this machine: it is not known."""
    monkeypatch.setattr("harness.mounts.MOUNTS", tmp_path_factory.getbasetemp() / "no mounts")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where a test writes its config."""
    return tmp_path / "tune.toml"
