"""Where the output of a command goes: a file in memory.

No pipe: nobody waits for the end of one that a background process keeps open, and nothing wakes up
to read while a run is timed.
"""

from __future__ import annotations

import fcntl
import os


def make_file(name: str) -> int:
    """A file without a name, in append mode: who opens /dev/stdout anew does not overwrite."""
    try:
        file = os.memfd_create(name)
    except (AttributeError, OSError):  # Python built for an old libc, or an old kernel
        import tempfile  # noqa: PLC0415 - slow to load, seldom needed

        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file


def take_output(file: int, keep_bytes: int) -> bytes:
    """Head and tail of what is in the file, which is closed."""
    size = os.fstat(file).st_size
    if size <= 2 * keep_bytes:
        data = os.pread(file, size, 0) if size else b""
    else:
        head, tail = os.pread(file, keep_bytes, 0), os.pread(file, keep_bytes, size - keep_bytes)
        data = b"%b\n[... %d bytes left out ...]\n%b" % (head, size - 2 * keep_bytes, tail)
    os.close(file)
    return data
