"""Stopping and holding what runs in this process and asks, now and then, whether it may go on."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.model import OutcomeKind


class Traffic:
    """Compiles that may wait for each other inside of a library, by a lock of its own.

    Attributes:
        changed: locks all of it, and tells those that wait.
        running: what runs now.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.running: set[Flow] = set()


class Flow:
    """Says to a compile whether it may go on; others stop, hold and release it from any thread.

    One that is held may have the library's lock, for which another waits that is not held: so it
    goes on until that has ended. Else a run before which its lane compiles would never end.

    Args:
        traffic: shared by the compiles of a library.

    Attributes:
        stopped: how the last compile was stopped, `interrupted` or `timeout`; None: it was not.
        reason_to_stop: a text for C, at the same place as long as this lives: empty unless the
            compile was cancelled. Of limits and pauses only `may_go_on` knows.
    """

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, traffic: Traffic | None = None
    ) -> None:
        self.stopped: OutcomeKind | None = None
        self.reason_to_stop = ctypes.create_string_buffer(2)
        self._now_s = now_s
        self._traffic = traffic or Traffic()
        self._state = self._traffic.changed
        self._cancelled = False
        self._paused = False
        self._deadline_s = float("inf")

    @contextmanager
    def run(self, limit_s: float | None) -> Iterator[None]:
        """While a compile runs, which may take `limit_s`; None: as long as it likes."""
        with self._state:
            self.stopped = None
            self._deadline_s = float("inf") if limit_s is None else self._now_s() + limit_s
            self._traffic.running.add(self)
            self._state.notify_all()
        try:
            yield
        finally:
            with self._state:
                self._traffic.running.remove(self)
                self._note_cancel()
                self._cancelled, self.reason_to_stop.value = False, b""

    def may_go_on(self) -> bool:
        """Whether to go on; waits while paused, which does not count towards the limit."""
        with self._state:
            asked_s = self._now_s()
            self._state.wait_for(lambda: self._cancelled or not self._is_held())
            self._deadline_s += self._now_s() - asked_s
            self._note_cancel()
            if self.stopped is None and self._now_s() > self._deadline_s:
                self.stopped = OutcomeKind.TIMEOUT
            return self.stopped is None

    def _is_held(self) -> bool:
        return self._paused and all(flow._paused for flow in self._traffic.running)

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
