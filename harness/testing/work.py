"""Compilers and timers that only let time pass: for tests of scheduling, and its benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.clock import Clock
from harness.configuration import Configuration
from harness.lane import Lane
from harness.model import Build, OutcomeKind, Phase, Run, Test

Script = Callable[[Configuration], OutcomeKind]


def always_ok(_: Configuration) -> OutcomeKind:
    """The script of tests that never fail."""
    return OutcomeKind.OK


@dataclass
class FakeCompiler:
    """Sleeps for as long as compiling would take.

    Attributes:
        compile_s: seconds for a configuration.
        script: how the compile of a configuration ends.
        log: what was done, shared by whoever wants to look.
    """

    clock: Clock
    seat: str
    compile_s: Callable[[Configuration], float] = lambda _: 0.0
    script: Script = always_ok
    clean_s: float = 0.0
    log: list[tuple[str, int]] = field(default_factory=list)

    def compile(self, test: Test, lane: Lane) -> Build:
        """Let the compile time pass."""
        return self._build(
            Phase.COMPILE,
            test,
            self.compile_s(test.configuration),
            self.script(test.configuration),
        )

    def clean(self, test: Test, lane: Lane) -> Build:
        """Let the cleaning time pass."""
        return self._build(Phase.CLEAN, test, self.clean_s, OutcomeKind.OK)

    def _build(self, phase: Phase, test: Test, duration_s: float, kind: OutcomeKind) -> Build:
        started_s = self.clock.now_s()
        self.clock.sleep(duration_s)
        self.log.append((phase.value, test.id))
        reason = "" if kind is OutcomeKind.OK else "scripted failure"
        return Build(phase, kind, self.seat, started_s, duration_s, reason)

    def cancel(self) -> None:
        """Nothing runs."""

    def pause(self) -> None:
        """Nothing runs."""

    def resume(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class FakeTimer:
    """Sleeps for as long as a run would take; the sample is the time, or a scripted score.

    Attributes:
        run_s: seconds for a configuration.
        score: the sample; default: the time.
        lost_after: runs after which the device is lost; None: never.
        log: (test id, run) of what was measured.
    """

    clock: Clock
    lane: Lane
    run_s: Callable[[Configuration], float] = lambda _: 1.0
    score: Callable[[Configuration], float] | None = None
    script: Script = always_ok
    lost_after: int | None = None
    log: list[tuple[int, int]] = field(default_factory=list)
    _count: int = 0

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Let the run's time pass."""
        started_s = self.clock.now_s()
        duration_s = self.run_s(test.configuration)
        self.clock.sleep(duration_s)
        kind = self.script(test.configuration)
        if self.lost_after is not None and self._count >= self.lost_after:
            kind = OutcomeKind.DEVICE_LOST
        self._count += 1
        self.log.append((test.id, index))
        sample = None
        if kind is OutcomeKind.OK:
            sample = self.score(test.configuration) if self.score else duration_s
        return Run(
            index=index,
            kind=kind,
            lane=self.lane.name,
            device_uuid=self.lane.device.uuid,
            started_s=started_s,
            elapsed_s=duration_s,
            sample=sample,
            reason="" if kind is OutcomeKind.OK else "scripted failure",
        )

    def cancel(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""
