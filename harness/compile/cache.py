"""Compiled kernels on disk, found again by what they were made from; shared by processes.

Three kinds of files, each named by a hash, in folders by its first two digits:

- `builds/KEY`: what is known of a compile's result, by all that decides about it and is known
  before it begins (`make_key`): one entry for each set of inputs that has been seen;
- `inputs/HASH`: such a set, the files that the compiler read, with the hash of each; configurations
  of one source share it;
- `binaries/HASH.cubin`: machine code, by its content.

So a changed header misses, and one that is changed back hits again. Files are written whole: to a
temporary one, then renamed. A thread has them on disk soon after, so that no compile waits for
that; what a power cut tears is noticed, since each file is checked when it is read: a damaged one
is a miss and will be replaced. Only successes are kept: what a failed compile has read, or looked
for in vain, is not known.

One lock file serves everything: a key's byte is held while it is compiled, so that no two processes
compile it at once; byte 0 is shared by all who use the cache, and whoever clears it must have it
alone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.compile.cache_folder import find_directory
from harness.compile.files import (
    ByteLocks,
    LateSync,
    hash_bytes,
    hash_file,
    read_sealed,
    remove_file,
    seal,
    write_file,
)
from harness.compile.inputs import FileHashes, InputSet
from harness.compile.source import KernelSource
from harness.errors import CompileError
from harness.model import Resources

SCHEMA = 1
"""Of the files and of the key; another schema is another folder, and the old one is left alone."""

LIMIT_BYTES = 2 << 30
_ENTRIES = 8
"""How many sets of inputs are remembered per build: versions of its headers."""
_SWEEP_BYTES = 64 << 20
"""How much a process adds before it looks at the size of the whole again."""
_SWEEP_TO = 0.9
_IN_USE_S = 3600.0
"""What was used within this time is not removed: a test may be about to load it."""
_LOCK_WAIT_S = 0.02


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is known of a kernel's binary; as of `model.Artifact`."""

    function: str
    digest: str
    resources: Resources


@dataclass(frozen=True, slots=True)
class _Entry:
    """A compile's result.

    Attributes:
        inputs: hash of its set of inputs.
        binary: hash of the cubin.
    """

    inputs: str
    binary: str
    kernel: Kernel


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache holds.

    Attributes:
        builds: compiles that it can answer.
        binaries: different cubins.
        size_bytes: of all files.
    """

    directory: str
    builds: int
    binaries: int
    size_bytes: int
    limit_bytes: int


def make_key(source: KernelSource, fingerprint: str) -> str:
    """Identity of a compile, as far as it is known before it begins."""
    parts: tuple[object, ...] = (
        *(SCHEMA, fingerprint, source.text, source.function, source.architecture, source.path),
        *(source.macros, source.options, source.search_directories),
    )
    if source.language != "cuda":
        parts = (*parts, source.language, source.signature)
    return hash_bytes(msgspec.json.encode(parts))


class BuildCache:
    """A folder of compiled kernels; threads and processes may share it.

    Args:
        limit_bytes: what was used longest ago is removed when the folder grows over this.

    Raises:
        CompileError: the folder cannot be used.
    """

    def __init__(self, directory: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.directory = (directory or find_directory()).absolute()
        self.hashes = FileHashes()
        self._limit_bytes = limit_bytes
        self._root = self.directory / f"v{SCHEMA}"
        self._input_sets: dict[str, InputSet] = {}
        self._added_bytes = 0
        self._late_sync = LateSync()
        with self._explained():
            self._locks = self._open_locks()
            self._locks.take(0, shared=True, wait=True)

    def find(self, key: str) -> tuple[Kernel, Path] | None:
        """What the compile `key` made, and its cubin; None if it must be compiled."""
        path = self._path("builds", key)
        for entry in read_sealed(path, tuple[_Entry, ...]) or ():
            inputs = self._read_inputs(entry.inputs)
            if inputs is None or not self.hashes.match(inputs):
                continue
            binary = self._binary(entry.binary)
            if hash_file(binary) != entry.binary:
                remove_file(binary)
                continue
            for used in (path, binary, self._path("inputs", entry.inputs)):
                with suppress(OSError):  # removed by somebody else
                    os.utime(used)
            return entry.kernel, binary
        return None

    def store(self, key: str, kernel: Kernel, binary: bytes, inputs: InputSet | None) -> Path:
        """Keep the result of the compile `key`, which the caller holds; returns the cubin's path.

        Args:
            inputs: None: it is not to be found again, since what it was made from is unclear.

        Raises:
            CompileError: it cannot be written.
        """
        name = hash_bytes(binary)
        with self._explained():
            self._write(self._binary(name), binary)
            if inputs is not None:
                self._remember(key, kernel, name, inputs)
        if self._added_bytes > _SWEEP_BYTES:
            self.sweep()
        return self._binary(name)

    @contextmanager
    def claim(self, key: str, cancelled: threading.Event) -> Iterator[bool]:
        """Hold `key` while it is compiled; waits for others that hold it, until `cancelled`.

        Yields:
            Whether it is held; False: cancelled.

        Raises:
            CompileError: the folder cannot be used any more.
        """
        with self._explained():
            locks = self._open_locks()
        with locks:
            offset = 1 + int(key[:15], 16)
            with self._explained():
                while not (held := locks.take(offset)) and not cancelled.wait(_LOCK_WAIT_S):
                    pass
            yield held

    def sweep(self) -> int:
        """Remove what was used longest ago, if it is too much; returns the bytes removed."""
        self._added_bytes = 0
        files = sorted(self._files(), key=lambda file: file[1].st_mtime)
        excess = sum(status.st_size for _, status in files) - self._limit_bytes
        if excess <= 0:
            return 0
        goal, removed = excess + (1 - _SWEEP_TO) * self._limit_bytes, 0
        for path, status in files:
            if removed >= goal or time.time() - status.st_mtime < _IN_USE_S:
                break
            removed += status.st_size if remove_file(path) else 0
        return removed

    def clear(self) -> int:
        """Remove everything; returns the bytes removed.

        Raises:
            CompileError: somebody else uses it.
        """
        if not self._locks.take(0):
            raise CompileError(
                f"{self.directory}: a session is using these compiled kernels; clear them when it "
                "has ended"
            )
        self._input_sets.clear()
        removed = sum(status.st_size for path, status in self._files() if remove_file(path))
        self._locks.take(0, shared=True)
        return removed

    def stats(self) -> CacheStats:
        """Count what is there."""
        kinds = [(path.relative_to(self._root).parts[0], status) for path, status in self._files()]
        return CacheStats(
            directory=str(self.directory),
            builds=sum(kind == "builds" for kind, _ in kinds),
            binaries=sum(kind == "binaries" for kind, _ in kinds),
            size_bytes=sum(status.st_size for _, status in kinds),
            limit_bytes=self._limit_bytes,
        )

    def close(self) -> None:
        """Let others clear it."""
        self._late_sync.close()
        self._locks.close()

    def __enter__(self) -> BuildCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_locks(self) -> ByteLocks:
        self._root.mkdir(parents=True, exist_ok=True)  # somebody may have removed it by hand
        return ByteLocks(self._root / "lock")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the system refuses to do, in words."""
        try:
            yield
        except OSError as error:
            raise CompileError(
                f"{self.directory}: cannot keep compiled kernels here: {error.strerror}; make room "
                "and let it be written, or set HARNESS_CACHE_DIR to another folder"
            ) from error

    def _remember(self, key: str, kernel: Kernel, binary: str, inputs: InputSet) -> None:
        """Add an entry to what is known of `key`."""
        sealed = seal(inputs)
        name = hash_bytes(sealed)
        self._write(self._path("inputs", name), sealed)
        self._input_sets[name] = inputs
        path = self._path("builds", key)
        known = read_sealed(path, tuple[_Entry, ...]) or ()
        others = [entry for entry in known if entry.inputs != name]
        self._write(path, seal((_Entry(name, binary, kernel), *others)[:_ENTRIES]))

    def _read_inputs(self, name: str) -> InputSet | None:
        inputs = self._input_sets.get(name)
        if inputs is None:
            inputs = read_sealed(self._path("inputs", name), InputSet)
            if inputs is not None:
                self._input_sets[name] = inputs
        return inputs

    def _binary(self, name: str) -> Path:
        return self._path("binaries", name, ".cubin")

    def _path(self, kind: str, name: str, suffix: str = "") -> Path:
        return self._root / kind / name[:2] / (name + suffix)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._root.glob("*/*/*"):
            with suppress(OSError):  # removed by somebody else
                yield path, path.stat()

    def _write(self, path: Path, data: bytes) -> None:
        written = write_file(path, data, sync=False)
        self._added_bytes += written
        if written:
            self._late_sync.add(path)
