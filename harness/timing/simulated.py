"""Runs that take their time on a clock and nothing else: what mocked and replayed ones share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from harness.clock import Clock
from harness.landscape import SimulatedWork
from harness.lane import Lane
from harness.model import Evidence, OutcomeKind, Run, Test


@dataclass(frozen=True, slots=True)
class ForeseenRun:
    """How a run goes if nobody interrupts it."""

    duration_s: float
    kind: OutcomeKind = OutcomeKind.OK
    sample: float | None = None
    reason: str = ""
    evidence: Evidence | None = None
    exit_code: int | None = None


class SimulatedTimer(ABC):
    """Answers for a lane's device by letting time pass; see `timing.base.Timer`."""

    def __init__(self, lane: Lane, clock: Clock) -> None:
        self._lane = lane
        self._clock = clock
        self._work = SimulatedWork(clock)

    @abstractmethod
    def foresee(self, test: Test, index: int) -> ForeseenRun:
        """How run number `index` of `test` goes; asked once for each run."""

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Let the time of the run pass and say how it went."""
        started_s, foreseen = self._clock.now_s(), self.foresee(test, index)
        if not self._work.do(foreseen.duration_s):
            elapsed_s = self._clock.now_s() - started_s
            foreseen = ForeseenRun(elapsed_s, OutcomeKind.INTERRUPTED, reason="interrupted")
        return Run(
            index=index,
            kind=foreseen.kind,
            lane=self._lane.name,
            device_uuid=self._lane.device.uuid,
            started_s=started_s,
            elapsed_s=foreseen.duration_s,
            sample=foreseen.sample if foreseen.kind is OutcomeKind.OK else None,
            reason=foreseen.reason,
            evidence=foreseen.evidence,
            exit_code=foreseen.exit_code,
            environment=self._lane.environment,
        )

    def cancel(self) -> None:
        """End the run that goes on, or else the next, as `interrupted`."""
        self._work.cancel()

    def close(self) -> None:
        """Interrupt what runs; nothing else is held."""
        self._work.cancel()
