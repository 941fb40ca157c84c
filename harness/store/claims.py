"""Who may do what only one process may: make the journal's tables, record to a session.

A claim is a lock on one byte of a file beside the journal: that of the session's id, which is 1 or
more, or byte 0 while the tables are made. The kernel drops it when the process ends, however it
ends, so nothing is claimed by the dead. The locks belong to the open file and not to the process
(`F_OFD_SETLK`), so closing another handle of the same file drops nothing.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreError

_FLOCK = "hhqqi4x"  # struct flock: type, whence, start, length, pid, padding


class Claim:
    """The claim that a journal holds on its session; none at first."""

    def __init__(self, journal: Path) -> None:
        self._path = _claims_file(journal)
        self._fd: int | None = None

    def take(self, session: int) -> bool:
        """Claim `session` instead of what was claimed before; False if another holds it.

        Raises:
            StoreError: the file of the claims cannot be locked.
        """
        self.release()
        try:
            self._fd = _open(self._path)
            _lock(self._fd, session, wait=False)
        except BlockingIOError:
            self.release()
            return False
        except OSError as error:
            self.release()
            raise _explain(self._path, error) from error
        return True

    def release(self) -> None:
        """Let others have the session."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_claimed(journal: Path, session: int) -> bool:
    """Whether a process records to `session` now; asking takes no claim."""
    try:
        fd = os.open(_claims_file(journal), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        lock = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, session, 1, 0)
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, lock)
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(fd)


@contextmanager
def making(journal: Path) -> Iterator[None]:
    """Be the one process that makes the journal's tables, waiting for another that does.

    Raises:
        StoreError: the file of the claims cannot be locked.
    """
    path = _claims_file(journal)
    try:
        fd = _open(path)
    except OSError as error:
        raise _explain(path, error) from error
    try:
        try:
            _lock(fd, 0, wait=True)
        except OSError as error:
            raise _explain(path, error) from error
        yield
    finally:
        os.close(fd)


def _claims_file(journal: Path) -> Path:
    return journal.with_name(journal.name + "-claims")


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _lock(fd: int, byte: int, *, wait: bool) -> None:
    lock = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, lock)
    except PermissionError as error:  # POSIX leaves the choice between EACCES and EAGAIN
        raise BlockingIOError(error.errno, error.strerror) from error


def _explain(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot lock this file: {error.strerror}; check that the journal's folder can be "
        "written, or set output.journal"
    )
