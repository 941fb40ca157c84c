"""Compiles that happen only in the landscape: for virtual time, where no command is run."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from harness.clock import Clock
from harness.compile.base import KernelBuild
from harness.compile.simulated import ForeseenBuild, SimulatedCompiler, SimulatedSeat
from harness.compile.source import KernelSource
from harness.configuration import Configuration
from harness.landscape import Landscape
from harness.model import Artifact, Evidence, OutcomeKind, Resources, Test

_FAILED = "simulated failure of the compile"


class MockCompiler(SimulatedCompiler):
    """Takes the time that the landscape says, and fails where that says so."""

    def __init__(self, landscape: Landscape, clock: Clock, seat: str) -> None:
        super().__init__(clock, seat)
        self._landscape = landscape

    def foresee(self, test: Test) -> ForeseenBuild:
        """What the landscape says."""
        duration_s = self._landscape.compile_time_s(test.configuration)
        if not self._landscape.fails(test.configuration, "compile"):
            return ForeseenBuild(duration_s)
        evidence = _make_evidence(f"(simulated compile of test {test.id})")
        return ForeseenBuild(duration_s, OutcomeKind.COMPILE_FAILED, _FAILED, evidence)


def _make_evidence(command: str) -> Evidence:
    return Evidence(command, directory="", exit_code=1, output=_FAILED)


class MockKernelCompiler(SimulatedSeat):
    """The same for kernels: the binary exists in name only, its resources are made up."""

    def __init__(self, landscape: Landscape, clock: Clock) -> None:
        super().__init__(clock)
        self._landscape = landscape

    def build(self, source: KernelSource) -> KernelBuild:
        """Let the time pass and say how it went; see `compile.base.KernelCompiler`."""
        configuration = Configuration.from_mapping(dict(source.macros))
        if not self._work.do(self._landscape.compile_time_s(configuration)):
            return KernelBuild(OutcomeKind.INTERRUPTED, reason="interrupted")
        if self._landscape.fails(configuration, "compile"):
            evidence = _make_evidence("(simulated compile)")
            return KernelBuild(OutcomeKind.COMPILE_FAILED, None, _FAILED, evidence)
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
