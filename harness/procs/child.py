"""The process that a worker runs: its limits, and how it is made to end."""

# A worker starts sooner without pathlib and contextlib:
# ruff: noqa: PTH123, PTH208, SIM105

from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.procs.capture import Capture

CHECK_S = 0.2
"""How often the size of the output is looked at."""
UNKILLABLE_S = 5.0
"""How long a process may take to die of SIGKILL before it is given up as stuck in the kernel."""

_NS = 1_000_000_000


class StuckError(Exception):
    """A process does not die."""


def read_children(parent: int) -> list[int]:
    """Processes whose parent is `parent`, zombies among them; empty where /proc is missing."""
    children = []
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return []
    for number in numbers:
        try:
            with open(f"/proc/{number}/stat", "rb") as file:
                # "pid (name) state ppid ...": the name may hold spaces and parentheses
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    children.append(number)
        except OSError:  # it has ended
            pass
    return children


class Countdown:
    """When a process is to be asked to end, killed, and given up.

    Instants are ns of one clock, handed in. Pausing stops the timeout, not what follows it.
    """

    RUNNING, ASKED, KILLED, GIVEN_UP = range(4)

    def __init__(self, now_ns: int, timeout_ns: int | None, grace_ns: int) -> None:
        self.stage = self.RUNNING
        self._grace_ns = grace_ns
        self._due_ns = None if timeout_ns is None else now_ns + timeout_ns
        self._paused_ns: int | None = None

    def pause(self, now_ns: int) -> None:
        """Stop the timeout."""
        if self._paused_ns is None:
            self._paused_ns = now_ns

    def resume(self, now_ns: int) -> None:
        """Let it go on."""
        if self._paused_ns is not None and self._due_ns is not None:
            self._due_ns += now_ns - self._paused_ns
        self._paused_ns = None

    def advance(self, now_ns: int) -> int:
        """Go to the next stage, whether or not it is due; returns it."""
        self._paused_ns = None
        self.stage += 1
        if self.stage == self.ASKED:
            self._due_ns = now_ns + self._grace_ns
        elif self.stage == self.KILLED:
            self._due_ns = now_ns + round(UNKILLABLE_S * _NS)
        else:
            self._due_ns = None
        return self.stage

    def remaining_ns(self, now_ns: int) -> int | None:
        """Until the next stage is due: negative if it is late, None if it never is."""
        if self._due_ns is None or self._paused_ns is not None:
            return None
        return self._due_ns - now_ns


class Child:
    """The process that a worker runs now.

    Attributes:
        reason: why it was stopped: `timeout`, `cancel` or `output`; empty: it was not.
    """

    def __init__(
        self,
        number: int,
        pid: int,
        countdown: Countdown,
        outputs: Sequence[Capture],
        limit_bytes: int,
    ) -> None:
        self.number = number
        self.pid = pid
        self.reason = ""
        self._countdown = countdown
        self._outputs = outputs
        self._limit_bytes = limit_bytes

    def send(self, number: int) -> None:
        """Send a signal to its group, which exists as long as the child has not been reaped."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def pause(self) -> None:
        """Hold it, unless it is being stopped."""
        if not self.reason:
            self._countdown.pause(time.monotonic_ns())
            self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._countdown.resume(time.monotonic_ns())
        self.send(signal.SIGCONT)

    def cancel(self) -> None:
        """Ask it to end, or kill it if it was asked before."""
        if self._countdown.stage < Countdown.KILLED:
            self._stop("cancel")

    def rest_s(self) -> float:
        """For how many seconds its limits need not be enforced."""
        remaining_ns = self._countdown.remaining_ns(time.monotonic_ns())
        return CHECK_S if remaining_ns is None else max(0.0, min(CHECK_S, remaining_ns / _NS))

    def enforce_limits(self) -> None:
        """Stop it if time or output ran out."""
        remaining_ns = self._countdown.remaining_ns(time.monotonic_ns())
        if remaining_ns is not None and remaining_ns <= 0:
            self._stop("timeout")
        elif not self.reason and self.is_too_loud():
            self._stop("output")

    def is_too_loud(self) -> bool:
        """Whether one of its outputs is over the limit."""
        return any(output.size() > self._limit_bytes for output in self._outputs)

    def _stop(self, reason: str) -> None:
        """Ask it to end; the second time, kill it; the third time, give up."""
        self.reason = self.reason or reason
        stage = self._countdown.advance(time.monotonic_ns())
        if stage == Countdown.ASKED:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)  # a paused process would never see the first
        elif stage == Countdown.KILLED:
            self.send(signal.SIGKILL)
        else:
            raise StuckError
