"""Compiles that happened when the recording was made."""

from __future__ import annotations

from harness.clock import Clock
from harness.compile.simulated import ForeseenBuild, SimulatedCompiler
from harness.model import Test
from harness.replay.recording import BEFORE_RUNS, Recording


class ReplayCompiler(SimulatedCompiler):
    """Takes the recorded time of a compile, and ends where the test did not come to a run."""

    def __init__(self, recording: Recording, clock: Clock, seat: str) -> None:
        super().__init__(clock, seat)
        self._recording = recording

    def foresee(self, test: Test) -> ForeseenBuild:
        """What was recorded of it."""
        found = self._recording.measurement(test.configuration)
        if found.kind not in BEFORE_RUNS:
            return ForeseenBuild(found.compile_s)
        reason = self._recording.reason(test.configuration)
        return ForeseenBuild(found.compile_s, found.kind, reason)
