"""Where the locks of devices are: in folders that all users of a machine share."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.errors import DeviceError

_CANDIDATES = (Path("/run/lock/gpu-harness"), Path("/tmp/gpu-harness-locks"))  # noqa: S108 - shared


def list_candidates(environment: Mapping[str, str] | None) -> tuple[Path, ...]:
    """Where locks may be: in $HARNESS_LOCK_DIR, or else in the places that all users know."""
    given = (os.environ if environment is None else environment).get("HARNESS_LOCK_DIR")
    return (Path(given).absolute(),) if given else _CANDIDATES


def find_lock_directories(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """$HARNESS_LOCK_DIR, else /run/lock/gpu-harness, else /tmp/gpu-harness-locks.

    The first is made if need be, for all users (mode 1777). The others are those where processes of
    users who may not use it, or that began before it was made, have their locks.

    Raises:
        DeviceError: none can be made or used.
    """
    candidates = list_candidates(environment)
    problem = ""
    for place, directory in enumerate(candidates):
        try:
            _make_directory(directory)
        except OSError as error:
            problem = problem or f"{directory}: {error.strerror}"
        else:
            others = (*candidates[:place], *candidates[place + 1 :])
            return (directory, *(other for other in others if _is_real(other)))
    raise DeviceError(
        f"no directory for the device locks ({problem}); set HARNESS_LOCK_DIR to one that every "
        "user of these devices can write to"
    )


def _is_real(directory: Path) -> bool:
    """Whether it can be looked into, and is no link: one in /tmp could lead anywhere."""
    try:
        return stat.S_ISDIR(directory.lstat().st_mode) and os.access(directory, os.X_OK)
    except OSError:
        return False


def _make_directory(directory: Path) -> None:
    """Make it for everyone; one that is there must be a real directory, open to this process."""
    if not os.path.lexists(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{directory.name}-", dir=directory.parent))
        draft.chmod(0o1777)
        try:
            draft.rename(directory)  # at once with its mode: nobody sees it closed to them
        except OSError:  # another process was faster
            draft.rmdir()
    if not _is_real(directory):
        raise NotADirectoryError(errno.ENOTDIR, "is not a directory", str(directory))
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "not writable", str(directory))
