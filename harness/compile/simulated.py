"""Compiles that take their time and make nothing: what mocked and replayed ones share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from harness.clock import Clock
from harness.landscape import SimulatedWork
from harness.lane import Lane
from harness.model import Build, Evidence, OutcomeKind, Phase, Test


class SimulatedSeat:
    """A compiler whose work is time that passes; see `compile.base.Stoppable`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._work = SimulatedWork(clock)

    def cancel(self) -> None:
        """End the compile that goes on, or else the next, as `interrupted`."""
        self._work.cancel()

    def pause(self) -> None:
        """Nothing: simulated compiling disturbs no run."""

    def resume(self) -> None:
        """Nothing: it was not paused."""

    def close(self) -> None:
        """Interrupt what runs; nothing else is held."""
        self._work.cancel()


@dataclass(frozen=True, slots=True)
class ForeseenBuild:
    """How a compile goes if nobody interrupts it."""

    duration_s: float
    kind: OutcomeKind = OutcomeKind.OK
    reason: str = ""
    evidence: Evidence | None = None


class SimulatedCompiler(SimulatedSeat, ABC):
    """Lets the time of compiling pass on the clock; cleaning takes none.

    Args:
        seat: the lane or compile worker in whose name it is done.
    """

    def __init__(self, clock: Clock, seat: str) -> None:
        super().__init__(clock)
        self._seat = seat

    @abstractmethod
    def foresee(self, test: Test) -> ForeseenBuild:
        """How the compile of `test` goes."""

    def compile(self, test: Test, lane: Lane) -> Build:
        """Let the time pass and say how it went."""
        started_s, foreseen = self._clock.now_s(), self.foresee(test)
        if not self._work.do(foreseen.duration_s):
            elapsed_s = self._clock.now_s() - started_s
            foreseen = ForeseenBuild(elapsed_s, OutcomeKind.INTERRUPTED, "interrupted")
        return Build(
            Phase.COMPILE,
            foreseen.kind,
            self._seat,
            started_s,
            foreseen.duration_s,
            foreseen.reason,
            foreseen.evidence,
        )

    def clean(self, test: Test, lane: Lane) -> Build:
        """There is nothing to remove."""
        return Build(Phase.CLEAN, OutcomeKind.OK, self._seat, self._clock.now_s(), 0.0)
