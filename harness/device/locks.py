"""Locks that keep two harness processes from timing on one device at once.

A folder whose files two sessions would both call `app_1` is locked like a device; one that machines
may share, as on NFS, by a file in itself, too.

One file per lock, held with `flock`, which the kernel releases when the last process that has the
file open is gone: nothing is stale after a crash, and as long as a test still runs, its device is
taken. Lanes of one session share its locks. What makes this sound:

- files are never removed: another process may be about to lock the same file;
- after locking, the file locked must still be the one of that name;
- never `fcntl.lockf`, whose locks end with any close of the file and are not inherited;
- closing, not unlocking, releases: `LOCK_UN` would also free what a child inherited;
- several locks are taken in sorted order, so that two sessions never wait for each other;
- where users have their locks in several folders, all of them count.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness.device.lock_folders import find_lock_directories, list_candidates
from harness.errors import DeviceError
from harness.lane import DeviceInfo
from harness.mounts import find_shared

_MAX_HOLDER_BYTES = 200
_FOLDER = "FOLDER-"
_IN_FOLDER = Path(".harness") / "folder.lock"
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)
"""What file systems say that pass no locks on; the last one NFS, of a file that is only read."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A lock to take, and how messages call what it is for.

    Attributes:
        instead: what to do but wait, if it is held.
    """

    exclusive: bool
    what: str
    instead: str


class DeviceLocks:
    """Locks that are held; a context manager that releases them.

    Attributes:
        directory: where the lock files are; harness processes that share devices must share it.
    """

    def __init__(self, directory: Path, fds: Sequence[tuple[str, int]]) -> None:
        self.directory = directory
        self._fds = list(fds)

    def fds_of(self, device: DeviceInfo) -> tuple[int, ...]:
        """The descriptors that hold `device` and the folder: for the processes that use them."""
        names = {name for name, _ in device.locks}
        return tuple(fd for name, fd in self._fds if name in names or name.startswith(_FOLDER))

    def close(self) -> None:
        """Let go; a process that inherited a descriptor keeps its lock until it ends."""
        while self._fds:
            os.close(self._fds.pop()[1])

    def __enter__(self) -> DeviceLocks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def hold_devices(
    devices: Iterable[DeviceInfo],
    folder: Path | None = None,
    *,
    wait: bool = False,
    on_wait: Callable[[str], None] = lambda message: None,
    inheritable: bool = False,
    environment: Mapping[str, str] | None = None,
    instead: str = "use other devices",
) -> DeviceLocks:
    """Take the locks of all `devices`, and of `folder`.

    Args:
        folder: where tests call their files by their numbers, as those of other sessions do.
        wait: whether to wait for a device that is in use. A signal handler that raises, as that of
            Ctrl-C does, ends the waiting.
        on_wait: is told, once per lock, what is waited for.
        inheritable: whether every process started from now on inherits the descriptors; by default
            they must be passed on explicitly.
        environment: where HARNESS_LOCK_DIR is looked up; None: this process's.
        instead: what to do but wait, if a device is in use.

    Raises:
        DeviceError: a device is in use and `wait` is false, or locking is impossible.
    """
    wanted = _list_wanted(devices, folder, instead)
    if not wanted:
        return DeviceLocks(list_candidates(environment)[0], ())
    directories = find_lock_directories(environment)
    fds: list[tuple[str, int]] = []
    try:
        for name in sorted(wanted):
            for place, path in enumerate(_find_paths(name, directories, folder)):
                if place > 0 and not _may_be_held(path):
                    continue
                fd = _take(path, wanted[name], wait=wait, on_wait=on_wait, optional=place > 0)
                if fd is None:
                    continue
                fds.append((name, fd))
                if wanted[name].exclusive:
                    _write_holder(fd)
                os.set_inheritable(fd, inheritable)
    except BaseException:
        DeviceLocks(directories[0], fds).close()
        raise
    return DeviceLocks(directories[0], fds)


def _list_wanted(
    devices: Iterable[DeviceInfo], folder: Path | None, instead: str
) -> dict[str, _Wanted]:
    """The locks by name."""
    wanted: dict[str, _Wanted] = {}
    for device in devices:
        for name, exclusive in device.locks:
            if exclusive or name not in wanted:
                what = f"device {device.name} ({device.uuid})"
                wanted[name] = _Wanted(exclusive, what, instead)
    if folder is not None:
        digest = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=16).hexdigest()
        wanted[f"{_FOLDER}{digest}"] = _Wanted(
            exclusive=True,
            what=f"folder {folder}, where tests tell their files apart by %%ID%%,",
            instead="run one of the two in another folder (command.directory)",
        )
    return wanted


def _find_paths(name: str, directories: Sequence[Path], folder: Path | None) -> Iterator[Path]:
    """The files that stand for one lock; a folder that machines share has one in itself."""
    for directory in directories:
        yield directory / _name_file(name)
    if folder is not None and name.startswith(_FOLDER) and find_shared(folder / _IN_FOLDER):
        path = folder / _IN_FOLDER
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
        yield path


def _may_be_held(path: Path) -> bool:
    """Whether there is such a lock in a folder that others use, or there may be one later."""
    return os.path.lexists(path) or os.access(path.parent, os.W_OK)


def find_holders(
    device: DeviceInfo,
    environment: Mapping[str, str] | None = None,
    table: Path = Path("/proc/locks"),
) -> tuple[int, ...]:
    """The processes that hold `device`, by their ids; nothing is locked to find out.

    None are told where the kernel's table of locks cannot be read, nor of other containers, nor
    those that have ended while what they started goes on.

    Args:
        environment: as for `hold_devices`.
    """
    against: dict[int, tuple[str, ...]] = {}  # by inode: the locks that are in the way
    for folder in list_candidates(environment):
        for name, exclusive in device.locks:
            with suppress(OSError):
                inode = (folder / _name_file(name)).stat().st_ino
                against[inode] = ("READ", "WRITE") if exclusive else ("WRITE",)
    try:
        rows = [line.split() for line in table.read_text().splitlines()]
    except OSError:
        return ()
    # `1: FLOCK  ADVISORY  WRITE 4711 fe:00:2990633 0 EOF`; those that wait have `->` before FLOCK
    holders = {
        int(row[4])
        for row in rows
        if len(row) > 5 and row[1] == "FLOCK"
        if row[3] in against.get(int(row[5].rpartition(":")[2]), ())
    }
    return tuple(sorted(holder for holder in holders if holder > 0))


def _name_file(lock: str) -> str:
    """The lock's file name: `MIG-GPU-…/1/0` has slashes."""
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', lock)}.lock"


def _take(
    path: Path,
    wanted: _Wanted,
    *,
    wait: bool,
    on_wait: Callable[[str], None],
    optional: bool = False,
) -> int | None:
    """The descriptor of the locked file; None if it is optional and there are no locks there."""
    how = fcntl.LOCK_EX if wanted.exclusive else fcntl.LOCK_SH
    told = False
    try:
        while True:
            fd = _open(path)
            try:
                try:
                    fcntl.flock(fd, how | fcntl.LOCK_NB)
                except BlockingIOError:
                    holder = _read_holder(fd)
                    message = f"{wanted.what} is in use by {holder}, which holds {path}"
                    if not wait:
                        raise DeviceError(
                            f"{message}; use --wait to wait until it is free, or {wanted.instead}"
                        ) from None
                    if not told:
                        on_wait(message)
                        told = True
                    fcntl.flock(fd, how)
                if _is_still(path, fd):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # somebody replaced the file: what is locked is nobody's lock any more
    except OSError as error:
        if optional and error.errno in _WITHOUT_LOCKS:
            return None
        raise DeviceError(
            f"{wanted.what} cannot be locked: {path}: {error.strerror}; set HARNESS_LOCK_DIR to a "
            "local directory that every user of it can write to"
        ) from error


def _open(path: Path) -> int:
    """Open the lock file, making it if need be; another user's file will do read-only.

    Without O_CREAT first: in sticky directories that all can write to, Linux refuses it for files
    of other users (fs.protected_regular).
    """
    common = os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        try:
            return os.open(path, os.O_RDWR | common)
        except PermissionError:
            return os.open(path, os.O_RDONLY | common)
        except FileNotFoundError:
            pass
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | common, 0o666)
        except FileExistsError:
            continue  # another process was faster
        with suppress(OSError):
            os.fchmod(fd, 0o666)  # the umask took some
        return fd


def _is_still(path: Path, fd: int) -> bool:
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(fd))


def _write_holder(fd: int) -> None:
    """Leave a note of who holds the lock, for messages only."""
    with suppress(OSError):  # another user's file may be open for reading only
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)


def _read_holder(fd: int) -> str:
    """Who holds the lock, as far as the note tells: it may be the last holder's."""
    try:
        words = os.pread(fd, _MAX_HOLDER_BYTES, 0).decode(errors="replace").split()
    except OSError:
        words = []
    if not words or not words[0].isdecimal():
        return "another process"
    pid, host = words[0], " ".join(words[1:])
    if host != socket.gethostname():  # another container: its pids mean nothing here
        return f"process {pid} of {host}"
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return f"something that process {pid}, which has ended, started or that came after it"
    except (PermissionError, OverflowError):
        pass
    return f"process {pid}"
