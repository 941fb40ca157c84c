"""Compiles that happen only in the landscape: for virtual time, where no command is run."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from harness.clock import Clock
from harness.compile.base import KernelBuild
from harness.compile.source import KernelSource
from harness.landscape import Landscape, SimulatedWork
from harness.model import (
    Artifact,
    Build,
    Configuration,
    Evidence,
    Lane,
    OutcomeKind,
    Phase,
    Resources,
    Test,
)


class MockCompiler:
    """Lets the time of compiling pass on the clock; cleaning takes none.

    Args:
        seat: the lane or compile worker in whose name it is done.
    """

    def __init__(self, landscape: Landscape, clock: Clock, seat: str) -> None:
        self._landscape = landscape
        self._clock = clock
        self._seat = seat
        self._work = SimulatedWork(clock)

    def compile(self, test: Test, lane: Lane) -> Build:
        """Let the time pass and say how it went."""
        started_s = self._clock.now_s()
        duration_s = self._landscape.compile_time_s(test.configuration)
        kind, reason, evidence = OutcomeKind.OK, "", None
        if not self._work.do(duration_s):
            kind, reason = OutcomeKind.INTERRUPTED, "interrupted"
            duration_s = self._clock.now_s() - started_s
        elif self._landscape.fails(test.configuration, "compile"):
            kind, reason = OutcomeKind.COMPILE_FAILED, "simulated failure of the compile"
            command = f"(simulated compile of test {test.id})"
            evidence = Evidence(command=command, directory="", exit_code=1, output=reason)
        return Build(Phase.COMPILE, kind, self._seat, started_s, duration_s, reason, evidence)

    def clean(self, test: Test, lane: Lane) -> Build:
        """There is nothing to remove."""
        return Build(Phase.CLEAN, OutcomeKind.OK, self._seat, self._clock.now_s(), 0.0)

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


class MockKernelCompiler:
    """The same for kernels: the binary exists in name only, its resources are made up."""

    def __init__(self, landscape: Landscape, clock: Clock) -> None:
        self._landscape = landscape
        self._clock = clock
        self._work = SimulatedWork(clock)

    def build(self, source: KernelSource) -> KernelBuild:
        """Let the time pass and say how it went; see `compile.base.KernelCompiler`."""
        configuration = Configuration.from_mapping(dict(source.macros))
        if not self._work.do(self._landscape.compile_time_s(configuration)):
            return KernelBuild(OutcomeKind.INTERRUPTED, reason="interrupted")
        if self._landscape.fails(configuration, "compile"):
            reason = "simulated failure of the compile"
            evidence = Evidence("(simulated compile)", directory="", exit_code=1, output=reason)
            return KernelBuild(OutcomeKind.COMPILE_FAILED, None, reason, evidence)
        moved = replace(source, path="", include_directories=())  # the same wherever it is
        digest = hashlib.blake2b(repr(moved).encode(), digest_size=16).hexdigest()
        registers = 24 + 8 * int(5 * self._landscape.uniform("registers", digest))
        artifact = Artifact(
            path=f"(simulated)/{digest}.cubin",
            digest=digest,
            function=source.function,
            resources=Resources(registers),
            compiler="simulated",
            architecture=source.architecture,
        )
        return KernelBuild(OutcomeKind.OK, artifact)

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
