"""Stopping and holding what runs in this process and asks, now and then, whether it may go on."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.model import OutcomeKind


class Flow:
    """Says to a compile whether it may go on; others stop, hold and release it from any thread.

    Attributes:
        stopped: how the last compile was stopped, `interrupted` or `timeout`; None: it was not.
        reason_to_stop: a text for C, at the same place as long as this lives: empty unless the
            compile was cancelled. Of limits and pauses only `may_go_on` knows.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.stopped: OutcomeKind | None = None
        self.reason_to_stop = ctypes.create_string_buffer(2)
        self._now_s = now_s
        self._state = threading.Condition()
        self._cancelled = False
        self._paused = False
        self._deadline_s = float("inf")

    @contextmanager
    def run(self, limit_s: float | None) -> Iterator[None]:
        """While a compile runs, which may take `limit_s`; None: as long as it likes."""
        with self._state:
            self.stopped = None
            self._deadline_s = float("inf") if limit_s is None else self._now_s() + limit_s
        try:
            yield
        finally:
            with self._state:
                self._note_cancel()
                self._cancelled, self.reason_to_stop.value = False, b""

    def may_go_on(self) -> bool:
        """Whether to go on; waits while paused, which does not count towards the limit."""
        with self._state:
            asked_s = self._now_s()
            self._state.wait_for(lambda: self._cancelled or not self._paused)
            self._deadline_s += self._now_s() - asked_s
            self._note_cancel()
            if self.stopped is None and self._now_s() > self._deadline_s:
                self.stopped = OutcomeKind.TIMEOUT
            return self.stopped is None

    def _note_cancel(self) -> None:
        if self._cancelled:
            self.stopped = OutcomeKind.INTERRUPTED

    def cancel(self) -> None:
        """Stop what runs, or else what comes next."""
        with self._state:
            self._cancelled, self.reason_to_stop.value = True, b"x"
            self._state.notify_all()

    def pause(self) -> None:
        """Hold what runs when it next asks, and what starts before `resume`."""
        with self._state:
            self._paused = True

    def resume(self) -> None:
        """Let it go on."""
        with self._state:
            self._paused = False
            self._state.notify_all()
