"""The pipes of a process that a `Partner` started: requests come in, replies go out, in lines."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import BinaryIO


def take_pipes() -> tuple[SimpleQueue[bytes], BinaryIO]:
    """Requests as they come, and where replies go, instead of standard input and output.

    What anything else prints goes to standard error from now on. At the end of the requests this
    process ends as it is, whatever it is doing: a thread of its own waits for that.
    """
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    queue: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, queue), daemon=True).start()
    return queue, replies


def _read(requests: BinaryIO, queue: SimpleQueue[bytes]) -> None:
    for line in requests:
        queue.put(line)
    os._exit(0)
