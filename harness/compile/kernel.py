"""Compiles kernel tests: what cannot run is not compiled, the rest becomes a binary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.clock import Clock
from harness.compile.base import KernelCompiler, Stoppable, Verification
from harness.compile.source import KernelSource
from harness.lane import Lane
from harness.model import Artifact, Build, OutcomeKind, Phase, Test


class KernelTestCompiler:
    """Turns kernel tests into binaries; see `compile.base.Compiler`.

    Args:
        find_fault: why the lane's device cannot launch the test, as far as that is known before it
            is compiled; empty if it may.
        find_misfit: the same from what it was compiled to.
        make_source: what to compile for a test.
        seat: who does it, for the record.
        verification: what looks at the sources of kernels that can be launched; None: nothing.
    """

    def __init__(
        self,
        compiler: KernelCompiler,
        *,
        find_fault: Callable[[Test, Lane], str],
        find_misfit: Callable[[Test, Lane, Artifact], str],
        make_source: Callable[[Test, Lane], KernelSource],
        seat: str,
        clock: Clock,
        verification: Verification | None = None,
    ) -> None:
        self._compiler = compiler
        self._find_fault = find_fault
        self._find_misfit = find_misfit
        self._make_source = make_source
        self._seat = seat
        self._clock = clock
        self._verification = verification

    def compile(self, test: Test, lane: Lane) -> Build:
        """Make the binary of `test` for the lane's device, unless that cannot launch it."""
        started_s = self._clock.now_s()
        fault = self._find_fault(test, lane)
        if fault:
            return self._make_build(started_s, OutcomeKind.INVALID, fault)
        built = self._compiler.build(self._make_source(test, lane))
        if built.artifact is None:
            return Build(
                Phase.COMPILE,
                built.kind,
                self._seat,
                started_s,
                self._clock.now_s() - started_s,
                built.reason,
                built.evidence,
            )
        misfit = self._find_misfit(test, lane, built.artifact)
        if misfit:
            return self._make_build(started_s, OutcomeKind.INVALID, misfit, built.artifact)
        if self._verification is None:
            return self._make_build(started_s, OutcomeKind.OK, "", built.artifact)
        known = test.artifact  # of a test that meets again
        if known is not None and known.digest == built.artifact.digest and known.emulated:
            artifact = replace(built.artifact, emulated=known.emulated)
            return self._make_build(started_s, OutcomeKind.OK, "", artifact)
        checked = self._verification.verify(test, lane, built.artifact)
        build = self._make_build(started_s, checked.kind, checked.reason, checked.artifact)
        return replace(build, evidence=checked.evidence)

    def _make_build(
        self, started_s: float, kind: OutcomeKind, reason: str, artifact: Artifact | None = None
    ) -> Build:
        elapsed_s = self._clock.now_s() - started_s
        return Build(
            Phase.COMPILE, kind, self._seat, started_s, elapsed_s, reason, artifact=artifact
        )

    def _parts(self) -> tuple[Stoppable, ...]:
        verification = self._verification
        return (self._compiler,) if verification is None else (self._compiler, verification)

    def clean(self, test: Test, lane: Lane) -> Build:
        """Nothing is left: binaries are in the cache."""
        return Build(Phase.CLEAN, OutcomeKind.OK, self._seat, self._clock.now_s(), 0.0)

    def cancel(self) -> None:
        """Stop what compiles now, from any thread."""
        for part in self._parts():
            part.cancel()

    def pause(self) -> None:
        """Hold what compiles now, and what starts before `resume`."""
        for part in self._parts():
            part.pause()

    def resume(self) -> None:
        """Let it go on."""
        for part in self._parts():
            part.resume()

    def close(self) -> None:
        """End the compiler."""
        for part in self._parts():
            part.close()
