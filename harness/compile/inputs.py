"""What a compile read besides its source, and whether that is still the same."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was read may change again and keep its time stamp."""


_COARSE = 5
"""CLOCK_REALTIME_COARSE of Linux, which the time module does not name."""


def file_clock_ns() -> int:
    """Now, by the clock that stamps files: up to a tick of the kernel behind the precise one."""
    return time.clock_gettime_ns(_COARSE)


@dataclass(frozen=True, slots=True)
class InputSet:
    """Files that a compile read.

    Attributes:
        files: path and SHA-256 of each.
        absent: files that were not there, and that would have been read instead of one that was.
    """

    files: tuple[tuple[str, str], ...]
    absent: tuple[str, ...] = ()


class FileHashes:
    """Hashes of files, computed again when a file has changed; shared by threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}

    def hash(self, path: str) -> str | None:
        """SHA-256 of the file's content; None if it cannot be read."""
        try:
            status = os.stat(path)  # noqa: PTH116 - called hundreds of times per build
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            known = self._known.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        except OSError:
            return None
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS:
            self._known[path] = stamp, found
        return found

    def match(self, inputs: InputSet) -> bool:
        """Whether a compile would read the same again."""
        return all(self.hash(path) == known for path, known in inputs.files) and not any(
            os.access(path, os.F_OK) for path in inputs.absent
        )


def record_inputs(
    paths: Iterable[str],
    absent: Iterable[str],
    search_directories: Sequence[str],
    hashes: FileHashes,
    since_ns: int,
) -> InputSet | None:
    """What a compile read that began at `since_ns` (of `file_clock_ns`).

    Args:
        absent: files it is known to have looked for in vain.
        search_directories: where includes are looked for, in this order: a file of one that would
            hide a file of a later one counts as absent, too.

    Returns:
        None if a file has changed since, or is gone: what the compiler saw of it is not known.
    """
    files: dict[str, str] = {}
    for path in paths:
        found = hashes.hash(path)
        if found is None or _changed_ns(path) >= since_ns:
            return None
        files[path] = found
    hidden = {name for path in files for name in _hiding(path, search_directories)}
    missing = {path for path in hidden.union(absent) - files.keys() if not os.access(path, os.F_OK)}
    return InputSet(tuple(sorted(files.items())), tuple(sorted(missing)))


def _changed_ns(path: str) -> int:
    try:
        status = Path(path).stat()
    except OSError:
        return time.time_ns()
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _hiding(path: str, directories: Sequence[str]) -> list[str]:
    """Files that the compiler would have found first, were they there."""
    for index, directory in enumerate(directories):
        if path.startswith(directory.rstrip("/") + "/"):
            relative = os.path.relpath(path, directory)
            return [str(Path(earlier) / relative) for earlier in directories[:index]]
    return []
