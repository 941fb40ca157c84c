"""Time as the harness sees it: real, or virtual for simulations."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now_s(self) -> float:
        """Seconds since the Unix epoch (real clock) or since the start (virtual clock)."""

    def sleep(self, duration_s: float) -> None:
        """Let `duration_s` pass."""


class SystemClock:
    """Wall time that never runs backwards: the epoch at creation plus the monotonic clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now_s(self) -> float:
        """Seconds since the Unix epoch."""
        return self.at_s(time.monotonic_ns())

    def at_s(self, monotonic_ns: int) -> float:
        """The same for an instant of the monotonic clock, which all processes of a host share."""
        return self._offset_s + monotonic_ns / 1e9

    def sleep(self, duration_s: float) -> None:
        """Let `duration_s` pass."""
        time.sleep(duration_s)


class VirtualClock:
    """A clock that moves only when somebody sleeps on it, and then at once.

    Each simulated seat has its own; the scheduler in virtual time keeps them in step.
    """

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """Seconds since the start."""
        return self._now_s

    def advance_to(self, now_s: float) -> None:
        """Move forward to `now_s`; earlier instants are ignored."""
        self._now_s = max(self._now_s, now_s)

    def sleep(self, duration_s: float) -> None:
        """Move forward by `duration_s`."""
        self._now_s += duration_s
