"""Stopping and holding what runs in this process and asks, now and then, whether it may go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.model import OutcomeKind


class Flow:
    """Says to a compile whether it may go on; others stop, hold and release it from any thread.

    Attributes:
        stopped: how the last compile was stopped, `interrupted` or `timeout`; None: it was not.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.stopped: OutcomeKind | None = None
        self._now_s = now_s
        self._state = threading.Condition()
        self._running = False
        self._paused = False
        self._deadline_s = float("inf")

    @contextmanager
    def run(self, limit_s: float | None) -> Iterator[None]:
        """While a compile runs, which may take `limit_s`; None: as long as it likes."""
        with self._state:
            self.stopped, self._running = None, True
            self._deadline_s = float("inf") if limit_s is None else self._now_s() + limit_s
        try:
            yield
        finally:
            with self._state:
                self._running = False

    def may_go_on(self) -> bool:
        """Whether to go on; waits while paused, which does not count towards the limit."""
        with self._state:
            asked_s = self._now_s()
            self._state.wait_for(lambda: self.stopped is not None or not self._paused)
            self._deadline_s += self._now_s() - asked_s
            if self.stopped is None and self._now_s() > self._deadline_s:
                self.stopped = OutcomeKind.TIMEOUT
            return self.stopped is None

    def cancel(self) -> None:
        """Stop what runs; does nothing if nothing does."""
        with self._state:
            if self._running:
                self.stopped = OutcomeKind.INTERRUPTED
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
