"""Where the output of a command goes: a file in memory.

No pipe: nobody waits for the end of one that a background process keeps open, and nothing wakes up
to read while a run is timed.
"""

from __future__ import annotations

import fcntl
import os


class Capture:
    """What runs write to one of their outputs, one run after another.

    Attributes:
        file: where the next run is to write.
    """

    def __init__(self, name: str) -> None:
        self.file = _make_file(name)
        self._name = name

    def size(self) -> int:
        """How many bytes were written."""
        return os.fstat(self.file).st_size

    def take(self, keep_bytes: int) -> bytes:
        """Head and tail of what a run wrote; the next one finds nothing.

        It gets a new file, unless this one was not written to: then it is as good as new.
        """
        size = self.size()
        if size == 0:
            return b""
        file, self.file = self.file, _make_file(self._name)
        if size <= 2 * keep_bytes:
            data = os.pread(file, size, 0)
        else:
            head = os.pread(file, keep_bytes, 0)
            tail = os.pread(file, keep_bytes, size - keep_bytes)
            data = b"%b\n[... %d bytes left out ...]\n%b" % (head, size - 2 * keep_bytes, tail)
        os.close(file)
        return data


def _make_file(name: str) -> int:
    """A file without a name, in append mode: who opens /dev/stdout anew does not overwrite."""
    try:
        file = os.memfd_create(name)
    except (AttributeError, OSError):  # Python built for an old libc, or an old kernel
        import tempfile  # noqa: PLC0415 - slow to load, seldom needed

        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file
