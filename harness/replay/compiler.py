"""Compiles that happened when the recording was made."""

from __future__ import annotations

from harness.clock import Clock
from harness.landscape import SimulatedWork
from harness.model import Build, Lane, OutcomeKind, Phase, Test
from harness.replay.recording import Recording


class ReplayCompiler:
    """Lets the recorded time of a compile pass, and fails where that failed; cleaning is free.

    Args:
        seat: the lane or compile worker in whose name it is done.
    """

    def __init__(self, recording: Recording, clock: Clock, seat: str) -> None:
        self._recording = recording
        self._clock = clock
        self._seat = seat
        self._work = SimulatedWork(clock)

    def compile(self, test: Test, lane: Lane) -> Build:
        """Let the time pass and say how it went."""
        started_s = self._clock.now_s()
        found = self._recording.measurement(test.configuration)
        kind, reason, duration_s = OutcomeKind.OK, "", found.compile_s
        if not self._work.do(duration_s):
            kind, reason = OutcomeKind.INTERRUPTED, "interrupted"
            duration_s = self._clock.now_s() - started_s
        elif found.kind is OutcomeKind.COMPILE_FAILED:
            kind, reason = found.kind, self._recording.reason(test.configuration)
        return Build(Phase.COMPILE, kind, self._seat, started_s, duration_s, reason)

    def clean(self, test: Test, lane: Lane) -> Build:
        """There is nothing to remove."""
        return Build(Phase.CLEAN, OutcomeKind.OK, self._seat, self._clock.now_s(), 0.0)

    def cancel(self) -> None:
        """End the compile that goes on, or else the next, as `interrupted`."""
        self._work.cancel()

    def pause(self) -> None:
        """Nothing: what was recorded disturbs no run."""

    def resume(self) -> None:
        """Nothing: it was not paused."""

    def close(self) -> None:
        """Interrupt what runs; nothing else is held."""
        self._work.cancel()
