"""How a seat does a job: the same in threads and in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.compile.base import Compiler
from harness.events import BuildEnded, Event, PhaseStarted, RunEnded
from harness.model import OutcomeKind, Phase
from harness.schedule.base import Job, JobEnded
from harness.timing.base import Timer


@dataclass(frozen=True, slots=True)
class Bench:
    """What a seat works with.

    Attributes:
        seat: the lane's name, or POOL.
        name: the same for people: a lane's or a compile worker's.
        compiler, timer: made or fetched when first needed, on the thread that uses them.
        emit: takes what happens.
        stopping: asked before a compile and between runs; when true, what is left is left undone.
    """

    seat: str | None
    name: str
    compiler: Callable[[], Compiler]
    timer: Callable[[], Timer]
    now_s: Callable[[], float]
    emit: Callable[[Event], None]
    stopping: Callable[[], bool]


def do_job(job: Job, bench: Bench) -> JobEnded:
    """Do `job`, emitting what happens, and say how it ended.

    A job of runs ends at the first that fails, or as `interrupted` when runs were left undone, and
    so does a compile that was not begun. Cleaning is always done.
    """
    if job.phase is Phase.TEST:
        kind = _do_runs(job, bench)
    elif job.phase is Phase.COMPILE and bench.stopping():
        kind = OutcomeKind.INTERRUPTED
    else:
        bench.emit(PhaseStarted(job.test, job.phase, bench.name, bench.now_s()))
        compiler = bench.compiler()
        act = compiler.compile if job.phase is Phase.COMPILE else compiler.clean
        build = act(job.test, job.lane)
        bench.emit(BuildEnded(job.test, build))
        kind = build.kind
    return JobEnded(bench.seat, job, kind, bench.now_s())


def _do_runs(job: Job, bench: Bench) -> OutcomeKind:
    for index in job.runs:
        if bench.stopping():
            return OutcomeKind.INTERRUPTED
        bench.emit(PhaseStarted(job.test, Phase.TEST, bench.name, bench.now_s(), index))
        run = bench.timer().measure(job.test, index, job.best)
        bench.emit(RunEnded(job.test, run))
        if run.kind is not OutcomeKind.OK:
            return run.kind
    return OutcomeKind.OK
