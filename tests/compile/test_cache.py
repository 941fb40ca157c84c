from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from harness.compile.cache import BuildCache, Kernel, make_key
from harness.compile.inputs import InputSet
from harness.compile.source import KernelSource
from harness.errors import CompileError
from harness.model import Resources

SOURCE = KernelSource(
    "text", "scale", "sm_90", "/a/b.cu", (("N", "1"),), ("-O3",), ("/include", "/more")
)
KERNEL = Kernel("_Z5scalePf", "digest", Resources(registers=24, spill_store_bytes=8))
KEY, OTHER_KEY = make_key(SOURCE, "fake 1.0"), make_key(SOURCE, "fake 2.0")
NO_INPUTS = InputSet(())


@pytest.fixture
def cache(tmp_path: Path) -> BuildCache:
    return BuildCache(tmp_path / "cache")


def inputs_of(path: Path, cache: BuildCache) -> InputSet:
    found = cache.hashes.hash(str(path))
    assert found is not None
    return InputSet(((str(path), found),))


def files(cache: BuildCache, kind: str) -> list[Path]:
    return sorted(cache.directory.glob(f"*/{kind}/*/*"))


@pytest.mark.parametrize(
    "change",
    [
        {"text": "texts"},
        {"function": "scale<1>"},
        {"architecture": "sm_80"},
        {"path": "/a/c.cu"},
        {"macros": (("N", "2"),)},
        {"macros": (("N1", ""),)},
        {"options": ("-O2",)},
        {"options": ()},
        {"include_directories": ("/more", "/include")},
    ],
    ids=str,
)
def test_key_holds_all_that_decides(change: dict[str, str]) -> None:
    assert make_key(replace(SOURCE, **change), "fake 1.0") != KEY  # type: ignore[arg-type]


def test_key_is_stable_and_knows_the_compiler() -> None:
    assert make_key(replace(SOURCE), "fake 1.0") == KEY != OTHER_KEY


def test_what_was_stored_is_found_by_another_process(cache: BuildCache) -> None:
    assert cache.find(KEY) is None
    path = cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    assert path.read_bytes() == b"binary"
    again = BuildCache(cache.directory)
    assert again.find(KEY) == (KERNEL, path)
    assert again.find(OTHER_KEY) is None


def test_equal_binaries_are_one_file(cache: BuildCache) -> None:
    assert cache.store(KEY, KERNEL, b"same", NO_INPUTS) == cache.store(
        OTHER_KEY, KERNEL, b"same", NO_INPUTS
    )
    assert (cache.stats().builds, cache.stats().binaries) == (2, 1)


def test_changed_header_misses_and_its_old_version_hits_again(
    cache: BuildCache, tmp_path: Path
) -> None:
    header = tmp_path / "tile.h"
    for text in ("one", "two"):
        header.write_text(text)
        assert cache.find(KEY) is None
        cache.store(KEY, KERNEL, text.encode(), inputs_of(header, cache))
    for text in ("one", "two"):
        header.write_text(text)
        found = cache.find(KEY)
        assert found is not None
        assert found[1].read_bytes() == text.encode()


def test_versions_of_headers_are_bounded(cache: BuildCache, tmp_path: Path) -> None:
    header = tmp_path / "tile.h"
    for number in range(10):
        header.write_text(str(number))
        cache.store(KEY, KERNEL, b"binary", inputs_of(header, cache))
    header.write_text("0")
    assert cache.find(KEY) is None
    header.write_text("9")
    assert cache.find(KEY) is not None


def test_unclear_inputs_are_not_found_again(cache: BuildCache) -> None:
    assert cache.store(KEY, KERNEL, b"binary", None).read_bytes() == b"binary"
    assert cache.find(KEY) is None


@pytest.mark.parametrize("kind", ["builds", "inputs", "binaries"])
@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["empty", "garbage", "flipped"])
def test_damage_is_a_miss_and_is_repaired(
    cache: BuildCache, kind: str, damage: bytes | None
) -> None:
    cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    (path,) = files(cache, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    cache = BuildCache(cache.directory)
    assert cache.find(KEY) is None
    stored = cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    assert cache.find(KEY) == (KERNEL, stored)
    assert stored.read_bytes() == b"binary"


def test_binary_damaged_unnoticed_is_replaced_when_stored(cache: BuildCache) -> None:
    path = cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    path.write_bytes(b"damage")
    assert cache.store(OTHER_KEY, KERNEL, b"binary", NO_INPUTS).read_bytes() == b"binary"


def age(path: Path, hours: float) -> None:
    at_s = time.time() - 3600 * hours
    os.utime(path, (at_s, at_s))


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path / "cache", limit_bytes=50_000)
    keys = [make_key(SOURCE, str(number)) for number in range(8)]
    for number, key in enumerate(keys):
        path = cache.store(key, KERNEL, bytes([number]) * 10_000, NO_INPUTS)
        age(path, hours=20 - number)
    assert cache.find(keys[0]) is not None  # used: now the youngest
    assert cache.sweep() > 0
    assert cache.stats().size_bytes <= 50_000
    kept = [number for number, key in enumerate(keys) if cache.find(key) is not None]
    assert kept == [0, 5, 6, 7]
    assert cache.sweep() == 0


def test_what_a_test_may_be_about_to_load_stays(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path / "cache", limit_bytes=1)
    path = cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    assert cache.sweep() == 0
    assert path.is_file()


def test_sweeps_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.compile.cache._SWEEP_BYTES", 100_000)
    cache = BuildCache(tmp_path / "cache", limit_bytes=100_000)
    for number in range(30):
        age(cache.store(make_key(SOURCE, str(number)), KERNEL, bytes([number]) * 10_000, None), 2)
    assert cache.stats().size_bytes < 200_000


def test_clear(cache: BuildCache) -> None:
    cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    assert cache.clear() > 0
    assert cache.find(KEY) is None
    assert cache.stats().size_bytes == 0


def test_clear_refuses_while_others_use_it(cache: BuildCache) -> None:
    with BuildCache(cache.directory), pytest.raises(CompileError, match="a session is using"):
        cache.clear()
    assert cache.clear() == 0


def test_one_compiles_while_others_wait(cache: BuildCache) -> None:
    never, cancelled = threading.Event(), threading.Event()
    cancelled.set()
    with cache.claim(KEY, never) as first, BuildCache(cache.directory) as other:
        assert first
        with other.claim(OTHER_KEY, never) as unrelated, other.claim(KEY, cancelled) as second:
            assert unrelated
            assert not second
    with cache.claim(KEY, cancelled) as free:
        assert free


def test_folder_that_was_removed_by_hand(cache: BuildCache) -> None:
    cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    shutil.rmtree(cache.directory)
    assert cache.find(KEY) is None
    with cache.claim(KEY, threading.Event()) as held:
        assert held
        cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    assert cache.find(KEY) is not None


def test_full_disk(cache: BuildCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: int, mode: str) -> None:
        os.close(file)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", fail)
    with pytest.raises(CompileError, match=r"No space left on device; make room"):
        cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    monkeypatch.undo()
    assert cache.stats().size_bytes == 0  # no remains


def test_nobody_waits_for_the_disk(cache: BuildCache, monkeypatch: pytest.MonkeyPatch) -> None:
    found, synced, fsync = threading.Event(), SimpleQueue[int](), os.fsync

    def wait(file: int) -> None:
        assert found.wait(60.0)
        fsync(file)
        synced.put(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", wait)
    cache.store(KEY, KERNEL, b"binary", NO_INPUTS)
    assert cache.find(KEY) is not None
    assert BuildCache(cache.directory).find(KEY) is not None
    found.set()
    missing = {path.stat().st_ino for path in files(cache, "*")}
    assert len(missing) == 3
    while missing:  # other tests wrote files, too
        missing.discard(synced.get(timeout=60.0))
    cache.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CompileError, match="HARNESS_CACHE_DIR"):
        BuildCache(tmp_path / "cache")


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(CompileError, match="cannot keep compiled kernels here"):
        BuildCache(tmp_path / "cache")
