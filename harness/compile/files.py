"""Files that are whole or absent, and locks on them, for what processes share on disk."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def write_file(path: Path, data: bytes, *, sync: bool = True) -> int:
    """Make `path` hold `data`, whole; returns the bytes written, 0 if it did already.

    Args:
        sync: whether it is on disk before it has its name. Without, a power cut may leave a file
            of that name that is not whole: for those that are checked when they are read.

    Raises:
        OSError: it cannot be written.
    """
    with suppress(OSError):
        if path.read_bytes() == data:
            os.utime(path)
            return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        remove_file(Path(temporary))
        raise
    return len(data)


class LateSync:
    """Has files that were written without `sync` on disk soon after, by a thread of its own.

    So whoever wrote them need not wait for the disk, which takes as long as compiling does. What is
    left when it is closed the system writes in its own time.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "harness-sync")  # started by the first file

    def add(self, path: Path) -> None:
        """Have it on disk; one that is gone by then is left out."""
        self._thread.submit(_sync, path)

    def close(self) -> None:
        """End the thread after the file that it is at."""
        self._thread.shutdown(cancel_futures=True)


def _sync(path: Path) -> None:
    with suppress(OSError), path.open("rb") as file:
        os.fsync(file.fileno())


def seal(value: object) -> bytes:
    """`value` as JSON, after a line with its hash."""
    encoded = msgspec.json.encode(value)
    return hash_bytes(encoded).encode() + b"\n" + encoded


def read_sealed(path: Path, kind: type[T]) -> T | None:
    """What a sealed file holds; None if there is none, or it is damaged, which removes it."""
    try:
        mark, _, encoded = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if mark == hash_bytes(encoded).encode():
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(encoded, type=kind)
    remove_file(path)
    return None


def hash_bytes(data: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str | None:
    """SHA-256 of its content; None if it cannot be read."""
    try:
        return hash_bytes(path.read_bytes())
    except OSError:
        return None


def remove_file(path: Path) -> bool:
    """Whether it was there and is gone."""
    try:
        path.unlink()
    except OSError:
        return False
    return True


class ByteLocks:
    """Locks on single bytes of a file.

    They belong to this object, not to the process, so threads exclude each other, too; they end
    when it is closed or the process dies, and no child inherits them (`F_OFD_SETLK`).

    Raises:
        OSError: the file cannot be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def take(self, offset: int, *, shared: bool = False, wait: bool = False) -> bool:
        """Lock a byte, or change how it is locked; False if somebody else holds it."""
        kind = fcntl.F_RDLCK if shared else fcntl.F_WRLCK
        request = struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, 1, 0)
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, request)
        except (BlockingIOError, PermissionError):  # POSIX leaves the choice to the system
            return False
        return True

    def close(self) -> None:
        """Let go of all of them."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> ByteLocks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
