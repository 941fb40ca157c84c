"""Compiles and cleans tests by the commands of the config."""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness.clock import SystemClock
from harness.lane import Lane
from harness.model import Build, Command, OutcomeKind, Phase, ProcessResult, Test
from harness.procs.explain import describe_failure, make_evidence
from harness.procs.worker import Worker

MakeCommand = Callable[[Test, Lane], Command]


class ShellCompiler:
    """Runs compile and clean commands one at a time by means of its worker.

    Args:
        make_compile, make_clean: the command for a test and the lane it is for; None: there is
            nothing to do, which always works and takes no time.
        seat: who does it, for the record: a lane's name or a compile worker's.
    """

    def __init__(
        self,
        worker: Worker,
        make_compile: MakeCommand | None,
        make_clean: MakeCommand | None,
        seat: str,
        clock: SystemClock,
    ) -> None:
        self._worker = worker
        self._make_compile = make_compile
        self._make_clean = make_clean
        self._seat = seat
        self._clock = clock
        self._cancelled = threading.Event()

    def compile(self, test: Test, lane: Lane) -> Build:
        """Make `test` runnable; see `compile.base.Compiler`."""
        return self._build(Phase.COMPILE, self._make_compile, test, lane)

    def clean(self, test: Test, lane: Lane) -> Build:
        """Remove what `test` left; see `compile.base.Compiler`."""
        return self._build(Phase.CLEAN, self._make_clean, test, lane)

    def cancel(self) -> None:
        """Stop what runs now, and compile nothing more; see `compile.base.Compiler`."""
        self._cancelled.set()
        self._worker.cancel()

    def pause(self) -> None:
        """Hold what runs now, and what starts before `resume`."""
        self._worker.pause()

    def resume(self) -> None:
        """Let it go on."""
        self._worker.resume()

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def _build(self, phase: Phase, make: MakeCommand | None, test: Test, lane: Lane) -> Build:
        if make is None:
            return Build(phase, OutcomeKind.OK, self._seat, self._clock.now_s(), 0.0)
        command = make(test, lane)
        is_unwanted = self._cancelled.is_set if phase is Phase.COMPILE else lambda: False
        result = self._worker.run(command, unless=is_unwanted)
        kind = judge(result)
        return Build(
            phase=phase,
            kind=kind,
            seat=self._seat,
            started_s=self._clock.at_s(result.started_ns),
            elapsed_s=result.elapsed_s,
            reason=describe_failure(command, result),
            evidence=None if kind is OutcomeKind.OK else make_evidence(command, result),
        )


def judge(result: ProcessResult) -> OutcomeKind:
    """How a build went: `ok`, `interrupted`, `timeout` or `compile_failed`."""
    if result.cancelled:
        return OutcomeKind.INTERRUPTED
    if result.timed_out:
        return OutcomeKind.TIMEOUT
    return OutcomeKind.OK if result.succeeded else OutcomeKind.COMPILE_FAILED
