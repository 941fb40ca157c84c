"""The kernel worker: a process per lane that keeps a device open and measures kernels on it.

    python -m harness.timing.kernel_worker DRIVER [SETTINGS]

DRIVER is "module:function", which is called with SETTINGS (JSON) and gives the driver. The worker
is started with its lane's environment, so it sees the lane's device. It speaks protocol 1 of
`protocol.py` on the pipes that were its standard input and output when it started; what a kernel
prints goes to standard error. Data stays on the device between tests of equal arguments.

It ends when its input ends, even while a kernel hangs: a thread of its own waits for that. After an
error that corrupts the context it answers and ends with status 3; the harness starts another.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from importlib import import_module
from queue import SimpleQueue
from typing import BinaryIO

from harness.model import OutcomeKind
from harness.timing.driver import Driver, DriverError
from harness.timing.protocol import (
    PROTOCOL,
    Hello,
    Measured,
    Refused,
    Reply,
    decode_request,
    encode,
)
from harness.timing.server import Server

EXIT_STICKY = 3


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the harness; standard output is standard error from now on, for printf."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, replies


def _read(requests: BinaryIO, queue: SimpleQueue[bytes]) -> None:
    """Hand lines to the main thread; at the end of the input, end the process as it is."""
    for line in requests:
        queue.put(line)
    os._exit(0)


def _open_driver(entry: str, settings: str) -> Driver:
    module, _, attribute = entry.partition(":")
    driver: Driver = getattr(import_module(module), attribute)(settings)
    return driver


def main(entry: str, settings: str = "{}") -> int:
    """Serve until the input ends; returns the exit status."""
    requests, replies = _take_pipes()

    def say(reply: Reply) -> None:
        replies.write(encode(reply) + b"\n")

    queue: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, queue), daemon=True).start()
    try:
        driver = _open_driver(entry, settings)
    except DriverError as error:
        if error.lost:
            say(Measured(0, OutcomeKind.DEVICE_LOST, str(error), sticky=True))
        else:
            say(Refused(0, str(error)))
        return EXIT_STICKY
    facts = driver.facts
    say(Hello(PROTOCOL, facts.uuid, facts.name, facts.versions))
    server = Server(driver, now_s=time.monotonic, say=say)
    while True:
        reply = server.handle(decode_request(queue.get()))
        say(reply)
        if isinstance(reply, Measured) and reply.sticky:
            return EXIT_STICKY


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)  # what kernels printed
    os._exit(status)  # without the driver's own clearing up, which may hang on a corrupt context
