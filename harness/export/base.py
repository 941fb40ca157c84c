"""Writing files that are always whole."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from harness.errors import StoreError


class Written(NamedTuple):
    """A file that a config asks for, at the end of a session.

    Attributes:
        what: `log`, or the format of values for a build.
        remark: why it was not written anew: `UNCHANGED` or `KEPT`; empty if it was.
    """

    what: str
    path: str
    remark: str = ""


UNCHANGED = "unchanged"
KEPT = "kept: it holds measured results, these are simulated"
_HEAD_CHARACTERS = 4096
_OURS = re.compile(r'^(TestNo|Parameter),|^session \d+ of |Made by gpu-harness|"simulated": ')
_SIMULATED = re.compile(r',Simulated$|\(simulated\)|SIMULATED:|"simulated": true', re.MULTILINE)


SAFE = "results are safe in the journal, `harness export` writes them elsewhere"
"""What to do about a file that a session could not write."""


@contextmanager
def open_whole(path: Path, remedy: str = "name another file") -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `path` when all is written, and else leaves it as it was.

    Args:
        remedy: what to do if it cannot be written.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as error:
        raise StoreError(f"{path}: cannot write this file: {error.strerror}; {remedy}") from error


def write_whole(path: Path, text: str, remedy: str = "name another file") -> None:
    """Write `text` to `path`, which holds the old content or the new, never a part.

    Raises:
        StoreError: it cannot be written.
    """
    with open_whole(path, remedy) as file:
        file.write(text.encode())


def holds_measured(path: Path) -> bool:
    """Whether a file of ours is there that does not say, where it begins, that it is simulated."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.read(_HEAD_CHARACTERS)
    except OSError:
        return False
    return _OURS.search(head) is not None and _SIMULATED.search(head) is None


def write_changed(path: Path, text: str, comment: re.Pattern[str] | None = None) -> bool:
    """Write `text`, of a session, to `path` unless that says the same; whether it was written.

    A file that says the same keeps its time of change, so that nothing is built again for it.

    Args:
        comment: what lines begin with that do not count; None: every byte does.

    Raises:
        StoreError: it cannot be written.
    """
    if _says(path, text, comment):
        return False
    write_whole(path, text, SAFE)
    return True


def _says(path: Path, text: str, comment: re.Pattern[str] | None) -> bool:
    try:
        content = path.read_bytes()
        if comment is None:
            return content == text.encode()
        return _without(content.decode(), comment) == _without(text, comment)
    except (OSError, UnicodeDecodeError):
        return False


def hash_lines(text: str, comment: re.Pattern[str]) -> str:
    """The lines of `text` that are no comments, as a hash."""
    lines = "\n".join(_without(text, comment))
    return hashlib.blake2b(lines.encode(), digest_size=16).hexdigest()


def _without(text: str, comment: re.Pattern[str]) -> list[str]:
    return [line for line in text.splitlines() if not comment.match(line)]


def _umask() -> int:
    """The process's umask; reading it means setting it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
