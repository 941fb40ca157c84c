"""Runs that happened when the recording was made."""

from __future__ import annotations

from harness.clock import Clock
from harness.landscape import SimulatedWork
from harness.model import Lane, OutcomeKind, Run, Test
from harness.replay.recording import Measurement, Recording


class ReplayTimer:
    """Answers a lane's runs from a recording.

    With one run per test, that run is the whole recorded measurement: its score, in the time that
    all recorded runs took. With more, run k has recorded sample k (the first again after the last)
    and its share of that time.

    Args:
        repeat: runs per test.
    """

    def __init__(self, recording: Recording, lane: Lane, *, clock: Clock, repeat: int) -> None:
        self._recording = recording
        self._lane = lane
        self._clock = clock
        self._repeat = repeat
        self._work = SimulatedWork(clock)

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Let the recorded time of the run pass and say how it went."""
        found = self._recording.measurement(test.configuration)
        sample, duration_s = self._sample(found, index)
        kind, reason = found.kind, self._recording.reason(test.configuration)
        started_s = self._clock.now_s()
        if not self._work.do(duration_s):
            kind, reason = OutcomeKind.INTERRUPTED, "interrupted"
            duration_s = self._clock.now_s() - started_s
        return Run(
            index=index,
            kind=kind,
            lane=self._lane.name,
            device_uuid=self._lane.device.uuid,
            started_s=started_s,
            elapsed_s=duration_s,
            sample=sample if kind is OutcomeKind.OK else None,
            reason=reason,
            exit_code=0 if kind is OutcomeKind.OK else None,
            environment=self._lane.environment,
        )

    def _sample(self, found: Measurement, index: int) -> tuple[float | None, float]:
        if self._repeat == 1 or not found.samples:
            return found.score, found.run_s
        count = len(found.samples)
        return found.samples[index % count], found.run_s / count

    def cancel(self) -> None:
        """End the run that goes on, or else the next, as `interrupted`."""
        self._work.cancel()

    def close(self) -> None:
        """Interrupt what runs; nothing else is held."""
        self._work.cancel()
