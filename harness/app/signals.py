"""Ctrl-C while a session runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.schedule.engine import Engine


@contextmanager
def stopping_on_signals(engine: Engine) -> Iterator[None]:
    """Ctrl-C and SIGTERM: once to stop in good order, twice to kill.

    Only the main thread can take signals; elsewhere they stay with whoever called. A second one may
    interrupt the handler of the first: what it locks may be locked again by the same thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if engine.interrupted:
            engine.kill()
        else:
            engine.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
