"""Runs that happened when the recording was made."""

from __future__ import annotations

from harness.clock import Clock
from harness.lane import Lane
from harness.model import OutcomeKind, Test
from harness.replay.recording import Measurement, Recording
from harness.timing.simulated import ForeseenRun, SimulatedTimer


class ReplayTimer(SimulatedTimer):
    """Answers a lane's runs from a recording.

    With one run per test, that run is the whole recorded measurement: its score, in the time that
    all recorded runs took. With more, run k has recorded sample k (the first again after the last)
    and its share of that time.

    Args:
        repeat: runs per test.
    """

    def __init__(self, recording: Recording, lane: Lane, *, clock: Clock, repeat: int) -> None:
        super().__init__(lane, clock)
        self._recording = recording
        self._repeat = repeat

    def foresee(self, test: Test, index: int) -> ForeseenRun:
        """What was recorded of it."""
        found = self._recording.measurement(test.configuration)
        sample, duration_s = self._sample(found, index)
        reason = self._recording.reason(test.configuration)
        exit_code = 0 if found.kind is OutcomeKind.OK else None
        return ForeseenRun(duration_s, found.kind, sample, reason, exit_code=exit_code)

    def _sample(self, found: Measurement, index: int) -> tuple[float | None, float]:
        if self._repeat == 1 or not found.samples:
            return found.score, found.run_s
        count = len(found.samples)
        return found.samples[index % count], found.run_s / count
