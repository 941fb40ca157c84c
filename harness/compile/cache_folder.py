"""Which folder holds the compiled kernels."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def find_directory() -> Path:
    """Where the cache is: `HARNESS_CACHE_DIR`, or `gpu-harness` in the user's cache folder.

    Where that cannot be written, as in containers whose user has no home, it is a folder of the
    user's own among the temporary files.
    """
    named = os.environ.get("HARNESS_CACHE_DIR")
    if named:
        return Path(named).absolute()
    usual = _find_usual()
    if usual is not None and _can_write(usual):
        return usual
    instead = _find_instead()
    return instead or usual or Path("/var/cache/gpu-harness")


def explain_directory() -> str:
    """Why the cache is among the temporary files; empty if it is where it belongs."""
    found, usual = find_directory(), _find_usual()
    if os.environ.get("HARNESS_CACHE_DIR") or found == usual:
        return ""
    why = "this user has no home folder" if usual is None else f"{usual} cannot be written"
    return (
        f"compiled kernels are kept in {found}, since {why}; set HARNESS_CACHE_DIR to a folder "
        "that stays"
    )


def _find_usual() -> Path | None:
    """In the user's cache folder; None if there is no such user."""
    cache = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(cache) if cache else Path.home() / ".cache") / "gpu-harness"
    except RuntimeError:  # neither HOME nor an entry among the users
        return None


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _find_instead() -> Path | None:
    """A folder that nobody else can write to, since what is in it runs; None if there is none."""
    try:
        folder = Path(tempfile.gettempdir()) / f"gpu-harness-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return folder if mine and not status.st_mode & 0o022 else None
