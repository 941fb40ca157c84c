"""What the harness and its workers tell each other: frames on pipes.

A frame is its length in bytes (4, little-endian) and a dictionary as `marshal` writes it: both ends
are the same Python, and neither JSON nor pickle is as quick to load and to use. Texts may hold what
is no UTF-8, as arguments and names of files may.
"""

from __future__ import annotations

import marshal
import os

TYPE_CHECKING = False  # typing takes long to load, and workers need it not
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

_LENGTH_BYTES = 4


def send_frame(descriptor: int, message: dict[str, Any]) -> None:
    """Write one frame; raises BrokenPipeError if nobody reads."""
    data = marshal.dumps(message)
    frame = len(data).to_bytes(_LENGTH_BYTES, "little") + data
    while (sent := os.write(descriptor, frame)) < len(frame):
        frame = frame[sent:]


def read_frame(file: IO[bytes]) -> dict[str, Any] | None:
    """The next frame of a blocking file; None at its end, also in the middle of a frame."""
    head = file.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "little")
    data = file.read(length) if len(head) == _LENGTH_BYTES else b""
    if not data or len(data) < length:
        return None
    message: dict[str, Any] = marshal.loads(data)  # noqa: S302 - of our own worker
    return message


class FrameBuffer:
    """Frames out of what was read of a pipe, in pieces as they come."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Take what was read; the frames that are complete."""
        self._data += data
        while len(self._data) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(self._data[:_LENGTH_BYTES], "little")
            if len(self._data) < end:
                return
            yield marshal.loads(self._data[_LENGTH_BYTES:end])  # noqa: S302 - of our own harness
            self._data = self._data[end:]
