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
import time
from importlib import import_module

from harness.model import OutcomeKind
from harness.procs.pipes import take_pipes
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


def _open_driver(entry: str, settings: str) -> Driver:
    module, _, attribute = entry.partition(":")
    driver: Driver = getattr(import_module(module), attribute)(settings)
    return driver


def main(entry: str, settings: str = "{}") -> int:
    """Serve until the input ends; returns the exit status."""
    requests, replies = take_pipes()

    def say(reply: Reply) -> None:
        replies.write(encode(reply) + b"\n")

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
        reply = server.handle(decode_request(requests.get()))
        say(reply)
        if isinstance(reply, Measured) and reply.sticky:
            return EXIT_STICKY


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)  # what kernels printed
    os._exit(status)  # without the driver's own clearing up, which may hang on a corrupt context
